/** Pages as a real browser loads them: many parts at once over few connections, forms, cookies and redirects. */

import assert from 'node:assert/strict';
import { Browser, type Page, type PageRequest } from '../support/browser.ts';
import { waitFor } from '../support/wait.ts';
import { blackbox, frontOf, shared } from './front.ts';

const browser = shared(() => Browser.start());
const flask = frontOf('flask', [], { processes: 4 });
const django = frontOf('django');

/** More at a time a browser does not open to one host. */
const MOST_CONNECTIONS = 6;

function connectionsOf(requests: readonly PageRequest[]): Set<number> {
  return new Set(requests.map((request) => request.connection));
}

/** Nothing failed, nothing complained, and all of it came through `url` over HTTP/1.1. */
function assertClean(page: Page, url: string): void {
  const bad = page.requests.filter(({ failure, status, protocol }) => failure !== null || status < 200 || status > 399 || protocol !== 'http/1.1');
  assert.deepEqual(bad, []);
  assert.deepEqual(page.complaints, []);
  for (const request of page.requests) assert.ok(request.url.startsWith(`${url}/`), request.url);
}

blackbox(
  'a browser loads a page of 100 parts, each as it should be, over few connections',
  { needs: ['uwsgi', 'flask', 'chromium'], differs: 'it puts the end of a chunked body behind a 304 without a length, and Chromium gives up' },
  async () => {
    const { url } = await flask.gate();
    const page = await (await browser()).page();
    await page.open(`${url}/assets`);
    assertClean(page, url);
    assert.equal(page.requests.length, 101, 'the page and its 100 parts');
    const seen = await page.evaluate<Record<string, unknown>>(`({
      images: [...document.images].filter((image) => image.complete && image.naturalWidth === 3).length,
      scripts: window.ran,
      styles: [...document.querySelectorAll('i')].filter((one) => getComputedStyle(one).width === '7px').length,
    })`);
    assert.deepEqual(seen, { images: 40, scripts: 30, styles: 30 });
    const connections = connectionsOf(page.requests);
    assert.ok(connections.size <= MOST_CONNECTIONS, `${connections.size} connections for ${page.requests.length} requests`);
    // The application saw the same connections that the browser did, each by its own port.
    const pairs = new Set(page.requests.map(({ connection, headers }) => `${connection} ${headers['x-remote-port']}`));
    assert.equal(pairs.size, connections.size);

    // Once more: now the parts are asked whether they are still fresh, and answered by 304.
    const before = page.requests.length;
    await page.open(`${url}/assets`);
    assertClean(page, url);
    const again = page.requests.slice(before);
    assert.equal(again.length, 101);
    // This kind of event may come last of all.
    const told = (): boolean => again.every((request) => request.wireStatus > 0);
    await waitFor('what came over the wire', told).catch(() => {});
    const fresh = again.filter((request) => request.wireStatus !== 304).map((request) => `${request.wireStatus} ${request.url}`);
    assert.deepEqual(fresh, [`200 ${url}/assets`]);
  },
);

blackbox('a browser logs in to the Django admin and adds a user, and the session holds', { needs: ['uwsgi', 'django', 'chromium'] }, async () => {
  const { url } = await django.gate();
  const page = await (await browser()).page();
  await page.open(`${url}/admin/`);
  assert.equal(await page.evaluate('location.pathname'), '/admin/login/', 'led to the form');
  await page.follow(`document.querySelector('#id_username').value = 'admin';
      document.querySelector('#id_password').value = 'only for tests';
      document.querySelector('#login-form').submit()`);
  assert.equal(await page.evaluate('location.pathname'), '/admin/');
  assert.match(await page.evaluate('document.body.innerText'), /Site administration/i);

  await page.open(`${url}/admin/auth/user/add/`);
  await page.follow(`document.querySelector('#id_username').value = 'zoë';
      for (const id of ['#id_password1', '#id_password2']) document.querySelector(id).value = 'correct horse battery';
      document.querySelector('[name=_save]').click()`);
  assert.match(await page.evaluate('document.body.innerText'), /The user “zoë” was added successfully/);

  assertClean(page, url);
  assert.ok(page.requests.length >= 20, `${page.requests.length} requests`);
  const styled = await page.evaluate<boolean>(`[...document.styleSheets].length > 0 && getComputedStyle(document.querySelector('#header')).display`);
  assert.ok(styled, 'the styles are there');
  const connections = connectionsOf(page.requests.filter(({ connection }) => connection > 0));
  assert.ok(connections.size <= MOST_CONNECTIONS, `${connections.size} connections for ${page.requests.length} requests`);
});
