// A browser at the status page, and what every visit is held to: nothing in its console, no request to
// another origin and none that fails, and nothing that the page's policy forbids.
import { chromium } from 'playwright-core';

export const PHONE = { width: 390, height: 844 };
export const DESK = { width: 1280, height: 900 };

// Debian's Chromium, headless. It runs as whoever runs the tests, which may be root: no sandbox then.
export async function launch(executablePath) {
  return chromium.launch({
    executablePath,
    args: ['--disable-gpu', ...(process.getuid() === 0 ? ['--no-sandbox'] : [])],
  });
}

// visit(browser, url, { scheme, size, falseTime, javaScriptEnabled, bypassCSP }): an open page, and
// `faults`, the list that must stay empty. Set `expectFailure` where the daemon is ended on purpose. With
// falseTime the page's time passes by page.clock.runFor alone.
export async function visit(browser, url, { scheme = 'light', size = DESK, falseTime = false, ...how } = {}) {
  const context = await browser.newContext({
    colorScheme: scheme,
    viewport: size,
    deviceScaleFactor: size === PHONE ? 2 : 1,
    hasTouch: size === PHONE,
    reducedMotion: 'reduce',
    serviceWorkers: 'block',
    timezoneId: 'UTC',
    ...how,
  });
  const page = await context.newPage();
  const origin = new URL(url).origin;
  const visitor = { page, context, faults: [], requests: 0, expectFailure: false };
  const fault = (text) => visitor.expectFailure || visitor.faults.push(text);
  page.setDefaultTimeout(30000);
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) fault(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => fault(`script: ${error}`));
  page.on('request', (request) => {
    const from = new URL(request.url());
    visitor.requests++;
    if (from.protocol !== 'data:' && from.origin !== origin) fault(`another origin: ${request.url()}`);
  });
  page.on('requestfailed', (request) =>
    fault(`failed: ${request.url()} ${request.failure()?.errorText}`));
  page.on('response', (response) => {
    if (response.status() >= 400) fault(`status ${response.status()}: ${response.url()}`);
  });
  // Told by an event as well, for a policy may be broken without a line in the console.
  if (how.javaScriptEnabled !== false) {
    await page.exposeFunction('tellViolation', (text) => fault(`policy: ${text}`));
    await page.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) =>
        window.tellViolation(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
    });
  }
  if (falseTime) await page.clock.install();
  visitor.response = await page.goto(url);
  return visitor;
}

export async function leave(visitor) {
  await visitor.context.close();
}

export function text(page, selector) {
  return page.locator(selector).first().innerText();
}
