/*
 * The table of commands.  Commands that are not in it are neither reads, writes nor definitions,
 * and their first value is not taken for a collection: it may be an account's name.
 */
#include "analyzers/mongodb/mongodb_command.h"

enum {
    COLLECTION = MONGODB_ON_COLLECTION,
    CHANGES = MONGODB_ON_COLLECTION | MONGODB_CHANGES_N,
};

static const struct mongodb_command commands[] = {
    [MONGODB_NO_COMMAND] = {NULL, ACTION_OTHER, 0},
    {"find", ACTION_READ, COLLECTION},
    {"getMore", ACTION_READ, MONGODB_IS_GET_MORE},
    {"aggregate", ACTION_READ, COLLECTION},
    {"count", ACTION_READ, COLLECTION},
    {"distinct", ACTION_READ, COLLECTION},
    {"insert", ACTION_WRITE, CHANGES},
    {"update", ACTION_WRITE, CHANGES},
    {"delete", ACTION_WRITE, CHANGES},
    {"findAndModify", ACTION_WRITE, MONGODB_ON_COLLECTION | MONGODB_GIVES_VALUE},
    {"bulkWrite", ACTION_WRITE, MONGODB_CHANGES_N | MONGODB_TELLS_RESULTS},
    {"getLastError", ACTION_OTHER, MONGODB_IS_LAST_ERROR},
    {"saslStart", ACTION_LOGIN, MONGODB_IS_LOGIN},
    {"saslContinue", ACTION_LOGIN, MONGODB_IS_LOGIN},
    {"authenticate", ACTION_LOGIN, MONGODB_IS_LOGIN},
    {"logout", ACTION_LOGOUT, MONGODB_IS_LOGOUT},
    {"mapReduce", ACTION_READ, COLLECTION},
    {"geoNear", ACTION_READ, COLLECTION},
    {"geoSearch", ACTION_READ, COLLECTION},
    {"group", ACTION_READ, 0},
    {"text", ACTION_READ, COLLECTION},
    {"parallelCollectionScan", ACTION_READ, COLLECTION},
    {"listCollections", ACTION_READ, 0},
    {"listDatabases", ACTION_READ, 0},
    {"listIndexes", ACTION_READ, COLLECTION},
    {"usersInfo", ACTION_READ, 0},
    {"rolesInfo", ACTION_READ, 0},
    {"create", ACTION_DEFINE, COLLECTION},
    {"drop", ACTION_DEFINE, COLLECTION},
    {"createIndexes", ACTION_DEFINE, COLLECTION},
    {"dropIndexes", ACTION_DEFINE, COLLECTION},
    {"deleteIndexes", ACTION_DEFINE, COLLECTION},
    {"reIndex", ACTION_DEFINE, COLLECTION},
    {"collMod", ACTION_DEFINE, COLLECTION},
    {"convertToCapped", ACTION_DEFINE, COLLECTION},
    {"cloneCollectionAsCapped", ACTION_DEFINE, COLLECTION},
    {"createSearchIndexes", ACTION_DEFINE, COLLECTION},
    {"updateSearchIndex", ACTION_DEFINE, COLLECTION},
    {"dropSearchIndex", ACTION_DEFINE, COLLECTION},
    {"renameCollection", ACTION_DEFINE, 0},
    {"dropDatabase", ACTION_DEFINE, 0},
    {"enableSharding", ACTION_DEFINE, 0},
    {"shardCollection", ACTION_DEFINE, 0},
    {"reshardCollection", ACTION_DEFINE, 0},
    {"unshardCollection", ACTION_DEFINE, 0},
    {"refineCollectionShardKey", ACTION_DEFINE, 0},
    {"createUser", ACTION_DEFINE, 0},
    {"updateUser", ACTION_DEFINE, 0},
    {"dropUser", ACTION_DEFINE, 0},
    {"dropAllUsersFromDatabase", ACTION_DEFINE, 0},
    {"createRole", ACTION_DEFINE, 0},
    {"updateRole", ACTION_DEFINE, 0},
    {"dropRole", ACTION_DEFINE, 0},
    {"dropAllRolesFromDatabase", ACTION_DEFINE, 0},
    {"grantRolesToUser", ACTION_DEFINE, 0},
    {"revokeRolesFromUser", ACTION_DEFINE, 0},
    {"grantRolesToRole", ACTION_DEFINE, 0},
    {"revokeRolesFromRole", ACTION_DEFINE, 0},
    {"grantPrivilegesToRole", ACTION_DEFINE, 0},
    {"revokePrivilegesFromRole", ACTION_DEFINE, 0},
    {"killCursors", ACTION_OTHER, COLLECTION},
    {"collStats", ACTION_OTHER, COLLECTION},
    {"validate", ACTION_OTHER, COLLECTION},
    {"compact", ACTION_OTHER, COLLECTION},
    {"isMaster", ACTION_OTHER, 0},
    {"buildInfo", ACTION_OTHER, 0},
};

enum { COMMANDS_COUNT = sizeof(commands) / sizeof(commands[0]) };

uint8_t mongodb_command_find(struct bytes name)
{
    for (uint8_t n = 1; n < COMMANDS_COUNT; n++) {
        if (bytes_are_nocase(name, commands[n].name))
            return n;
    }
    return MONGODB_NO_COMMAND;
}

const struct mongodb_command *mongodb_command_at(uint8_t place)
{
    return &commands[place < COMMANDS_COUNT ? place : MONGODB_NO_COMMAND];
}
