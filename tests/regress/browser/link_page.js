// Opens a sign-in link in headless Chromium as a person would, and prints what it read as JSON.
//
//   node link_page.js approve|deny|open --url URL [--email E] [--viewport desktop|phone]
//        [--scheme light|dark] [--screenshots FOLDER] [--name PREFIX] [--keyboard]
//        [--later SECONDS]
//
// With --later the page's clock jumps that far after the decision.
// The password is taken from LINK_PAGE_PASSWORD. With `open` the page is read and left.
'use strict';

const fs = require('fs');
const os = require('os');
const path = require('path');
const { parseArgs } = require('util');
const { chromium } = require('playwright-core');

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];
const VIEWPORTS = {
  desktop: { viewport: { width: 1280, height: 900 } },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
};
const FIELDS = {
  phrase: '#phrase', role: '#role', database: '#database', target: '#target',
  client_address: '#client-address', application_name: '#application-name', time_left: '#time-left',
};
const TIMEOUT = 20000;

async function textOf(page, selector) {
  const element = page.locator(selector).first();
  if (await element.count() === 0) return null;
  const tag = await element.evaluate((node) => node.tagName);
  return (tag === 'SELECT' || tag === 'INPUT' ? await element.inputValue() : await element.innerText()).trim();
}

async function visible(page, selector) {
  return await page.locator(selector).count() > 0 && page.locator(selector).first().isVisible();
}

function waitForAny(page, selectors) {
  return page.locator(selectors.join(', ')).first().waitFor({ state: 'visible', timeout: TIMEOUT });
}

async function signIn(page, email, password, shoot) {
  await shoot('sign-in');
  await page.fill('input[name=email]', email);
  await page.fill('input[name=password]', password);
  await Promise.all([
    page.waitForNavigation({ timeout: TIMEOUT }),
    page.click('button#sign-in'),
  ]);
}

async function read(page) {
  const values = { url: page.url(), title: await page.title() };
  for (const [name, selector] of Object.entries(FIELDS)) values[name] = await textOf(page, selector);
  values.error = await visible(page, '#error') ? await textOf(page, '#error') : null;
  values.can_approve = await visible(page, 'button#approve') && await page.isEnabled('button#approve');
  values.can_deny = await visible(page, 'button#deny') && await page.isEnabled('button#deny');
  values.result = await visible(page, '#result') ? await textOf(page, '#result') : null;
  values.result_state = values.result === null ? null
    : await page.locator('#result').first().getAttribute('data-state');
  // A page that is wider than the screen has to be scrolled sideways on a phone.
  values.overflows = await page.evaluate(
    () => document.documentElement.scrollWidth > document.documentElement.clientWidth);
  values.background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  return values;
}

// Tab until the button has the focus, then Enter: as far as the keyboard gets.
async function press(page, selector) {
  for (let steps = 0; steps < 30; steps++) {
    await page.keyboard.press('Tab');
    if (await page.locator(selector).evaluate((node) => node === document.activeElement)) {
      await page.keyboard.press('Enter');
      return;
    }
  }
  throw new Error(`the keyboard does not reach ${selector}`);
}

async function decide(page, action, keyboard, values, shoot) {
  if (keyboard) await press(page, `button#${action}`);
  else await page.click(`button#${action}`);
  await waitForAny(page, ['#result', '#error']);
  await shoot(action === 'approve' ? 'approved' : 'denied');
  const after = await read(page);
  for (const name of ['result', 'result_state', 'error', 'url']) values[name] = after[name];
}

async function lookLater(page, seconds, values) {
  await page.clock.fastForward(seconds * 1000);
  await waitForAny(page, ['#unreported', '[data-state=connected]']);
  values.result = await textOf(page, '#result');
}

async function visit(page, action, options) {
  const shoot = async (step) => {
    if (!options.screenshots) return;
    const parts = [options.name || action, step, options.viewport, options.scheme];
    await page.screenshot({ path: path.join(options.screenshots, `${parts.join('-')}.png`), fullPage: true });
  };
  if (options.later) await page.clock.install();
  const response = await page.goto(options.url, { timeout: TIMEOUT });
  await waitForAny(page, ['#phrase', '#result', '#error', 'input[name=email]']);
  let status = response.status();
  if (options.email && await visible(page, 'input[name=email]')) {
    page.on('response', (answer) => {
      if (answer.request().isNavigationRequest()) status = answer.status();
    });
    await signIn(page, options.email, process.env.LINK_PAGE_PASSWORD || '', shoot);
    await waitForAny(page, ['#phrase', '#result', '#error', 'input[name=email]']);
  }
  await shoot('page');
  const values = await read(page);
  values.signed_in = !await visible(page, 'input[name=email]');
  if (action !== 'open' && values.can_approve) await decide(page, action, options.keyboard, values, shoot);
  if (options.later) await lookLater(page, Number(options.later), values);
  values.status = status;
  return values;
}

async function main() {
  const string = { type: 'string' };
  const { values: options, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      url: string, email: string, screenshots: string, name: string, later: string,
      viewport: { type: 'string', default: 'desktop' },
      scheme: { type: 'string', default: 'light' },
      keyboard: { type: 'boolean', default: false },
    },
  });
  const action = positionals[0];
  if (!['approve', 'deny', 'open'].includes(action) || !options.url) {
    throw new Error('usage: link_page.js approve|deny|open --url URL');
  }
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: '/usr/bin/chromium', headless: true, args: FLAGS,
    colorScheme: options.scheme, ...VIEWPORTS[options.viewport],
  });
  try {
    const page = context.pages()[0] || await context.newPage();
    const problems = [];
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('console', (line) => { if (line.type() === 'error') problems.push(line.text()); });
    const values = await visit(page, action, options);
    values.problems = problems;
    console.log(JSON.stringify(values));
  } finally {
    await context.close();
    fs.rmSync(profile, { recursive: true, force: true });
  }
}

main().catch((error) => {
  console.error(error.stack || String(error));
  process.exitCode = 1;
});
