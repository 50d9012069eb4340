// One picture of the status page: what a window shows, or the whole of it.
//
// usage: node shoot.mjs CHROMIUM PAGE FILE light|dark desk|phone|whole
import { DESK, PHONE, launch, leave, visit } from './page.mjs';

const [chromium, url, file, scheme, size] = process.argv.slice(2);
const browser = await launch(chromium);
const visitor = await visit(browser, url, { scheme, size: size === 'phone' ? PHONE : DESK });
await visitor.page.screenshot({ path: file, fullPage: size === 'whole' });
await leave(visitor);
await browser.close();
