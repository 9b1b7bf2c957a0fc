// An agent at work in the portal with a real browser: Chromium, driven by npm's puppeteer-core.
//
//     node portal_browser.js URL      every step has a user agent of its own, by which it is found
//                                     in the portal's log
const puppeteer = require('puppeteer-core');

const url = process.argv[2];

async function work(page) {
    let steps = 0;
    const step = () => page.setUserAgent(`agent/f-browser-${++steps}`);
    const open = async (path) => {
        await step();
        await page.goto(url + path);
    };
    const log_in = async (password) => {
        await open('/login');
        await page.type('[name=username]', 'anna');
        await page.type('[name=password]', password);
        await step();
        await Promise.all([page.waitForNavigation(), page.click('button')]);
    };
    const fetched = async (path) => {
        await step();
        return page.evaluate(async (to) => (await (await fetch(to)).text()).length, path);
    };
    await log_in('falsch-geheim-0');
    await log_in('geheim-Anna-7');
    for (let i = 0; i < 20; i++) {
        await open(`/table?n=${10 + i * 17}`);
        await fetched(`/api/customers?n=${5 + i * 31}`);
        await fetched(`/api/customers?n=${5 + i}&coding=${['gzip', 'br', 'zstd'][i % 3]}&pieces=1`);
        await fetched(`/api/customers/${100017 + i}`);
    }
    await fetched('/export.csv?n=300');
    await open('/logout');
    await fetched('/api/customers?n=3');
}

(async () => {
    const browser = await puppeteer.launch({
        executablePath: '/usr/bin/chromium', headless: true, args: ['--no-sandbox', '--disable-gpu'],
    });
    try {
        await work(await browser.newPage());
    } finally {
        await browser.close();
    }
})();
