// The status page in a real browser, in front of a real daemon and the stand-in Location API. Each check
// has a page of its own; the last one ends the daemon. Prints a line for each check, and exits 1 when one
// failed. Screenshots are for eyes.
//
// usage: node status.mjs CHROMIUM PAGE LOOKUPS STANDIN ADMIN PID SHOTS    (ADMIN: the socket's path)
import { request } from 'node:http';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import assert from 'node:assert/strict';
import { DESK, PHONE, launch, leave, text, visit } from './page.mjs';

const [chromium, pageUrl, lookups, standin, admin, pid, shots] = process.argv.slice(2);
const token = '#upstream-location .token';

// ---- the daemon and what it stands on ----

const failures = []; // GUIDs of the lookups that got a 5xx

async function lookup() {
  const response = await fetch(`${lookups}/M1%201AA`);
  await response.arrayBuffer();
  if (response.status >= 500) failures.push(response.headers.get('x-guid'));
  return response.status;
}
async function press(path) {
  const response = await fetch(`${standin}/standin/${path}`, { method: 'POST' });
  assert.equal(response.status, 204, path);
}
const set = (knob) => press(`set?${knob}`);

// Has the next token asked for at once, whatever the daemon waits for.
function refresh() {
  return new Promise((done, failed) => {
    request({ socketPath: admin, path: '/tokens/location/refresh', method: 'POST' }, (response) => {
      response.resume();
      response.on('end', () => done(response.statusCode));
    }).on('error', failed).end();
  });
}

// A good token, and a daemon that knows so.
async function settle() {
  await set('token_down=0');
  for (let i = 0; i < 100; i++) {
    if (i === 1) await refresh();
    if ((await lookup()) === 200 && (await fetch(new URL('/readyz', pageUrl))).status === 200) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error('the daemon is not ready, though the token endpoint is');
}

// Waits until the page itself, without a reload of ours, fulfils `what`, which runs in it.
async function becomes(page, what, argument) {
  await page.waitForFunction(what, argument, { timeout: 45000, polling: 200 });
}
const generation = (page) =>
  page.locator(token).getAttribute('data-generation').then(Number);

// ---- checks that change what the page shows, one after another ----

const alone = {
  async 'the page is complete in one response'(browser) {
    const visitor = await visit(browser, pageUrl);
    const { page, response } = visitor;
    const headers = response.headers();
    assert.equal(response.status(), 200);
    assert.match(headers['content-type'], /^text\/html; charset=utf-8$/i);
    assert.match(headers['content-security-policy'], /^default-src 'none';/);
    assert.doesNotMatch(headers['content-security-policy'], /unsafe|\*/);
    assert.match(await page.title(), /postcoded/);
    assert.equal(visitor.requests, 1, 'requests before the first refresh');
    assert.equal(await page.locator('#ready').getAttribute('data-value'), 'ready');
    assert.equal(await page.locator(token).getAttribute('data-state'), 'valid');
    return visitor;
  },

  async 'values follow lookups'(browser) {
    const visitor = await visit(browser, pageUrl);
    const before = await visitor.page.evaluate(() => {
      const cell = document.querySelector('#codes tr[data-code=ok] td:last-child');
      return cell === null ? 0 : Number(cell.innerText.replaceAll(',', ''));
    });
    for (let i = 0; i < 50; i++) assert.equal(await lookup(), 200);
    await becomes(visitor.page, (least) => {
      const cell = document.querySelector('#codes tr[data-code=ok] td:last-child');
      return cell !== null && Number(cell.innerText.replaceAll(',', '')) >= least;
    }, before + 50);
    await becomes(visitor.page, () => parseFloat(document.querySelector('#lookup-rate').innerText) > 0);
    return visitor;
  },

  async 'values follow a revocation'(browser) {
    const visitor = await visit(browser, pageUrl);
    const { page } = visitor;
    const before = await generation(page);
    await page.evaluate(() => { window.sameDocument = true; });
    await press('revoke');
    assert.equal(await lookup(), 200);
    await becomes(page, ([selector, last]) =>
      Number(document.querySelector(selector).dataset.generation) > last, [token, before]);
    assert.equal(await page.locator(`${token} .mark[data-kind=rejected]`).count(), 1);
    assert.equal(await page.evaluate(() => window.sameDocument), true, 'the page was not loaded again');
    return visitor;
  },

  // The token is gone and the endpoint is down: the page says both what fails and since when.
  async 'an incident is told, and its end'(browser) {
    const visitor = await visit(browser, pageUrl);
    const { page } = visitor;
    await set('token_down=1');
    await press('revoke');
    const failing = setInterval(() => lookup().catch(() => {}), 200);
    try {
      await becomes(page, () => document.querySelector('#ready').dataset.value === 'not-ready');
      await becomes(page, () => document.querySelector('.cond[data-level=down]') !== null);
      const condition = page.locator('.cond[data-level=down]').first();
      assert.notEqual((await condition.locator('h3').innerText()).trim(), '');
      assert.match(await condition.locator('.since').innerText(), /Since .*\d\d:\d\d:\d\d/);
      assert.match(await page.title(), /Not ready/);
      const listed = await text(page, '#problems');
      assert.ok(failures.some((guid) => listed.includes(guid)), `no GUID of ours in: ${listed}`);
      await page.screenshot({ path: `${shots}/incident.png`, fullPage: true });
    } finally {
      clearInterval(failing);
      await set('token_down=0');
    }
    await settle();
    await becomes(page, (selector) => document.querySelector(selector).dataset.state === 'valid', token);
    await becomes(page, () => document.querySelector('#ready').dataset.value === 'ready');
    await becomes(page, () => document.querySelector('.cond[data-level=down]') === null);
    return visitor;
  },
};

// ---- checks that only look, all at one time ----

const together = {
  async 'the timeline tells exact values to the keyboard'(browser) {
    const visitor = await visit(browser, pageUrl);
    const { page } = visitor;
    const inTimeline = () => document.activeElement.closest('.timeline') !== null;
    for (let i = 0; i < 40 && !(await page.evaluate(inTimeline)); i++) await page.keyboard.press('Tab');
    assert.ok(await page.evaluate(inTimeline), 'Tab comes to the timeline');
    const seen = new Set();
    for (let i = 0; i < 20; i++) {
      const { title, kind } = await page.evaluate(() => ({
        title: document.activeElement.querySelector('title').textContent,
        kind: document.activeElement.dataset.kind,
      }));
      assert.equal((await text(page, `${token} .note`)).trim(), title.trim());
      assert.match(title, /\d\d:\d\d:\d\d/);
      seen.add(kind);
      await page.keyboard.press('ArrowLeft');
    }
    assert.ok(seen.has('obtained') && seen.has('next') && seen.has('expiry'), `only ${[...seen]}`);
    // A focused mark stays so when the page brings new values.
    await page.evaluate(() => { window.asOf = document.querySelector('main').dataset.now; });
    await becomes(page, () => document.querySelector('main').dataset.now > window.asOf);
    assert.ok(await page.evaluate(inTimeline), 'the focus is lost by a refresh');
    return visitor;
  },

  async 'a plot tells exact values to the keyboard'(browser) {
    const visitor = await visit(browser, pageUrl);
    const { page } = visitor;
    await page.locator('#plot-rate .chart').focus();
    const values = new Set();
    for (let i = 0; i < 5; i++) {
      const info = await text(page, '#plot-rate .info');
      assert.match(info, /\d\d:\d\d:\d\d UTC/);
      values.add(info.slice(0, 8));
      await page.keyboard.press('ArrowLeft');
    }
    assert.equal(values.size, 5, 'each step is another time');
    return visitor;
  },

  // A column has the sample that ends in it. The axis has a thousand steps.
  async 'a plot tells what the data hold'(browser) {
    const visitor = await visit(browser, pageUrl);
    const { page } = visitor;
    await page.locator('#plot-rate .chart').focus();
    for (let i = 0; i < 5 && /not known/.test(await text(page, '#plot-rate .info')); i++)
      await page.keyboard.press('ArrowLeft');
    const told = await page.evaluate(() => {
      const { end, step, columns } = document.querySelector('main').dataset;
      const chart = document.querySelector('#plot-rate .chart');
      const x = parseFloat(chart.querySelector('.cursor').getAttribute('x1'));
      const at = Math.round((x / 100) * columns - 0.5);
      return {
        rate: parseFloat(document.querySelector('#plot-rate .info').innerText.split('UTC')[1].replaceAll(',', '')),
        begin: end - (columns - at) * step * 1000,
        step: step * 1000,
        exact: chart.dataset.max / 500 + 0.05,
      };
    });
    const { samples } = await (await fetch(new URL('/status.json', pageUrl))).json();
    const rates = samples.requests_per_second;
    const near = rates.filter((_, i) => {
      const at = Date.parse(samples.end) - (rates.length - 1 - i) * samples.interval_seconds * 1000;
      return at > told.begin - 100 && at < told.begin + told.step + 100;
    });
    assert.ok(near.some((rate) => Math.abs(rate - told.rate) <= told.exact), `${told.rate} is none of ${near}`);
    return visitor;
  },

  async 'the pointer is told the same'(browser) {
    const visitor = await visit(browser, pageUrl);
    const { page } = visitor;
    await page.locator('#plot-rate .chart').hover();
    assert.match(await text(page, '#plot-rate .info'), /\d\d:\d\d:\d\d UTC/);
    const mark = page.locator(`${token} .mark[data-kind=expiry]`);
    await mark.hover({ force: true });
    assert.match(await text(page, `${token} .note`), /the token expires/);
    assert.doesNotMatch(await text(page, '#plot-rate .info'), /UTC/, 'the plot is left');
    return visitor;
  },

  async 'pause stops, resume goes on'(browser) {
    const visitor = await visit(browser, pageUrl, { falseTime: true });
    const { page } = visitor;
    await page.locator('#pause').click();
    assert.equal((await text(page, '#pause')).trim(), 'Resume updates');
    assert.match(await text(page, '#asof'), /paused/);
    const before = visitor.requests;
    await page.clock.runFor(60000);
    assert.equal(visitor.requests, before, 'requests while it is paused');
    const resumed = page.waitForResponse((response) => response.ok());
    await page.locator('#pause').click();
    await resumed;
    assert.equal((await text(page, '#pause')).trim(), 'Pause updates');
    await becomes(page, () => !/paused/.test(document.querySelector('#asof').innerText));
    const next = page.waitForResponse((response) => response.ok());
    await page.clock.runFor(6000); // less than a request may take
    await next;
    return visitor;
  },

  async 'dark and light differ'(browser) {
    const grounds = [];
    for (const scheme of ['light', 'dark']) {
      const visitor = await visit(browser, pageUrl, { scheme });
      grounds.push(await visitor.page.evaluate(() => getComputedStyle(document.body).backgroundColor));
      await visitor.page.screenshot({ path: `${shots}/${scheme}.png`, fullPage: true });
      assert.deepEqual(visitor.faults, []);
      await leave(visitor);
    }
    const light = (color) => color.match(/\d+/g).slice(0, 3).map(Number).reduce((a, b) => a + b) / 3;
    assert.ok(light(grounds[0]) > 200 && light(grounds[1]) < 60, `${grounds}`);
  },

  async 'a phone need not scroll sideways'(browser) {
    for (const javaScriptEnabled of [true, false]) {
      const visitor = await visit(browser, pageUrl, { size: PHONE, javaScriptEnabled });
      const { page } = visitor;
      // Each closed part is opened: a table in it counts as well.
      for (const summary of await page.locator('summary').all()) await summary.click();
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= PHONE.width, `${wide} px wide, JavaScript ${javaScriptEnabled}`);
      if (javaScriptEnabled) await page.screenshot({ path: `${shots}/phone.png`, fullPage: true });
      assert.deepEqual(visitor.faults, []);
      await leave(visitor);
    }
  },

  async 'all is there without JavaScript'(browser) {
    const visitor = await visit(browser, pageUrl, { javaScriptEnabled: false });
    const { page } = visitor;
    assert.match(await text(page, '#ready h1'), /^Ready$/);
    assert.match(await text(page, '#lookup-rate'), /\d/);
    assert.match(await text(page, `${token} .lead`), /Token #\d+ is valid/);
    assert.equal(await page.locator('#pause').isVisible(), false, 'a button that does nothing');
    assert.ok(await page.locator(`${token} svg.timeline .use`).count() > 0, 'the timeline is drawn');
    assert.ok(await page.locator('#codes tr[data-code=ok]').count() === 1);
    await page.locator(`${token} summary`).click();
    assert.match(await text(page, `${token} table.events`), /token #?\d+ obtained/);
    // It asks again by itself.
    await page.waitForResponse((response) => response.ok());
    await page.screenshot({ path: `${shots}/no-javascript.png`, fullPage: true });
    return visitor;
  },

  async 'axe finds nothing serious'(browser) {
    const require = createRequire(import.meta.url);
    const axe = await readFile(require.resolve('axe-core/axe.min.js'), 'utf8');
    for (const how of [{ scheme: 'light', size: DESK }, { scheme: 'dark', size: PHONE }]) {
      // The page's policy lets no other script in: here, and only here, it is not applied.
      const visitor = await visit(browser, pageUrl, { ...how, bypassCSP: true });
      for (const summary of await visitor.page.locator('summary').all()) await summary.click();
      await visitor.page.addScriptTag({ content: axe });
      const { violations } = await visitor.page.evaluate(() => window.axe.run(document));
      const grave = violations
        .filter(({ impact }) => ['serious', 'critical'].includes(impact))
        .map(({ id, impact, help, nodes }) =>
          `${impact} ${id}: ${help}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(' | ')}`);
      assert.deepEqual(grave, [], `${how.scheme}, ${how.size.width} px`);
      await leave(visitor);
    }
  },
};

const last = {
  async 'a daemon that is gone is told'(browser) {
    const visitor = await visit(browser, pageUrl);
    const { page } = visitor;
    assert.equal((await page.locator('#stale').innerText()).trim(), '');
    visitor.expectFailure = true;
    process.kill(Number(pid), 'SIGTERM');
    await becomes(page, () => /No answer since \d\d:\d\d:\d\d/.test(document.querySelector('#stale').innerText));
    assert.ok(await page.locator('#stale').isVisible());
    assert.match(await text(page, '#ready h1'), /\S/, 'what was known is still shown');
    await page.screenshot({ path: `${shots}/no-answer.png` });
    return visitor;
  },
};

let failed = 0;
async function run(browser, name, check) {
  const began = Date.now();
  try {
    const visitor = await check(browser);
    if (visitor) {
      assert.deepEqual(visitor.faults, []);
      await leave(visitor);
    }
    console.log(`ok ${name} (${Date.now() - began} ms)`);
  } catch (error) {
    failed++;
    console.log(`FAIL ${name}: ${error.stack}`);
  }
}

await mkdir(shots, { recursive: true });
const browser = await launch(chromium);
await settle();
for (const [name, check] of Object.entries(alone)) await run(browser, name, check);
await settle();
await Promise.all(Object.entries(together).map(([name, check]) => run(browser, name, check)));
for (const [name, check] of Object.entries(last)) await run(browser, name, check);
await browser.close();
process.exit(failed > 0 ? 1 : 0);
