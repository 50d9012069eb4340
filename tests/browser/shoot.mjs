// One picture of the status page.
//
// usage: node shoot.mjs CHROMIUM PAGE FILE light|dark desk|phone
import { DESK, PHONE, launch, leave, visit } from './page.mjs';

const [chromium, url, file, scheme, size] = process.argv.slice(2);
const browser = await launch(chromium);
const visitor = await visit(browser, url, { scheme, size: size === 'phone' ? PHONE : DESK });
await visitor.page.screenshot({ path: file, fullPage: size !== 'phone' });
await leave(visitor);
await browser.close();
