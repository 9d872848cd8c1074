/** The Fetch Standard as apps meet it, behind the router and behind the runtime's own server. */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { temporaryFolder } from '../support/paths.ts';
import { RawClient } from '../support/raw-client.ts';
import { waitFor } from '../support/wait.ts';
import { get, OTHER, post, Tree } from './embedded.ts';
import { blackbox } from './front.ts';

const APP = `
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const stream = (pieces) => new ReadableStream({ async pull(controller) {
  await sleep(5);
  if (pieces.length === 0) controller.close(); else controller.enqueue(pieces.shift());
} });
const bytes = (text) => new TextEncoder().encode(text);
const NAMES = ['body', 'redirect', 'cache', 'mode', 'credentials', 'referrer', 'integrity', 'keepalive', 'signal', 'headers', 'url', 'method'];
const answers = {
  async '/remade'(request) {
    const reader = request.body.getReader();
    while (!(await reader.read()).done);
    return new Response(await new Request(request, { body: 'other' }).text());
  },
  async '/limited'(request) {
    // As Hono's bodyLimit does it for a body of unknown length.
    const reader = request.body.getReader();
    const all = new ReadableStream({ async start(controller) {
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) controller.enqueue(piece.value);
      controller.close();
    } });
    return new Response(await new Request(request, { body: all, duplex: 'half' }).text());
  },
  async '/used'(request) {
    await request.text();
    const wrong = [];
    for (const name of NAMES) try { void request[name]; } catch (error) { wrong.push(name + ' threw ' + error.message); }
    for (const name of ['text', 'json', 'blob', 'formData', 'arrayBuffer'])
      try { await request[name]().then(() => wrong.push(name + ' was read again'), () => {}); } catch { wrong.push(name + ' threw'); }
    return new Response(wrong.join() || 'good');
  },
  '/text': () => new Response(stream(['data: é\\n\\n', bytes('data: y\\n\\n')])),
  '/number': () => new Response(stream([bytes('first'), 7])),
  '/longer': () => new Response(stream([bytes('abc'), bytes('def')]), { headers: { 'content-length': '5' } }),
  '/shorter': () => new Response(stream([bytes('abc'), bytes('def')]), { headers: { 'content-length': '7' } }),
  async '/late'(request) {
    console.error('in hand');
    await new Promise((resolve) => request.signal.addEventListener('abort', resolve));
    console.error('aborted');
    let timer;
    return new Response(new ReadableStream({
      start(controller) { timer = setInterval(() => controller.enqueue(bytes('x')), 20); },
      cancel() { clearInterval(timer); console.error('cancelled'); },
    }));
  },
  async '/read'() {
    const answer = new Response(stream([bytes('x')]));
    await answer.text();
    return answer;
  },
};
export default { fetch: (request) => answers[new URL(request.url).pathname](request) };
`;

for (const [where, args] of [
  ['the router', ['--http', '127.0.0.1:0']],
  ['the runtime’s own server', ['--http-socket', '127.0.0.1:0', '--http-socket-engine', 'native']],
] as const)
  blackbox(`W4, W11, W12: ${where}: requests and answers are what the Fetch Standard says`, OTHER, async () => {
    await using folder = temporaryFolder();
    writeFileSync(folder.file('app.ts'), APP);
    await using tree = await Tree.start([...args, '--module', folder.file('app.ts')]);
    const { target } = tree.gate;
    {
      await using client = await RawClient.connect(target);
      assert.equal((await client.request(post('/remade', 'abc'))).text(), 'other');
      const chunked = await client.request(
        'POST /limited HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n',
      );
      assert.equal(chunked.text(), 'abcde');
      assert.equal((await client.request(post('/used', 'abc'))).text(), 'good');
      assert.equal((await client.request(get('/text'))).body.toString(), 'data: é\n\ndata: y\n\n');
      assert.equal((await client.request(get('/read'))).status, 500);
    }
    for (const [path, said] of [
      ['/number', 'gave a number where bytes or a text should be'],
      ['/longer', 'gave 6 bytes, and its Content-Length is 5'],
      ['/shorter', 'ended behind 6 bytes, and its Content-Length is 7'],
    ] as const) {
      await using client = await RawClient.connect(target);
      client.write(get(path));
      await tree.log(new RegExp(said));
      client.end();
      // Bun's server resets what it cuts off.
      const all = (await client.readToEnd().catch(() => '')).toString();
      assert.doesNotMatch(all, path === '/shorter' ? /0\r\n\r\n$/ : /def|0\r\n\r\n$/, all);
    }
    const gone = await RawClient.connect(target);
    gone.write(get('/late'));
    await tree.log(/in hand/);
    gone.reset();
    await tree.log(/aborted/);
    await waitFor('the cancel', () => tree.count(/cancelled/) === 1);
  });
