/** Raw sessions beside uWSGI's own router: the same conversation through both, and what their nodes get of it. */

import assert from 'node:assert/strict';
import { startUwsgiRouter } from '../peers/uwsgi-router.ts';
import { startGate } from '../router/support.ts';
import { peerTest } from '../support/peers.ts';
import { RawClient } from '../support/raw-client.ts';
import { type RecordedRequest, type Script, UwsgiBackend } from '../support/uwsgi-backend.ts';
import { waitFor } from '../support/wait.ts';
import { type Change, set } from './changes.ts';

interface Talk {
  readonly option: 'http-raw-body' | 'http-manage-source' | 'http-manage-rtsp' | 'http-chunked-input' | 'http-websockets';
  readonly head: string;
  /** Sent behind the head, in turn with what the node says; between them stands what the other one waits for. */
  readonly lines: readonly (readonly [said: string, answered: string])[];
  /** What ugate's node gets other than uWSGI's. */
  readonly difference?: Change;
}

/** One that ugate has nothing to add to where it stays HTTP. */
const ANSWER = 'HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 2\r\n\r\nok';

/** Behind all others uWSGI has a second PATH_INFO, with the path alone; ours is the only one. The authority is told as Host. */
const ONE_PATH: Change = (vars) => [...set('PATH_INFO', '/live a/')(vars.slice(0, -1)), ['HTTP_HOST', 'cam.example:554']];

const TALKS: readonly Talk[] = [
  {
    option: 'http-manage-source',
    head: 'SOURCE /live.mp3 ICE/1.0\r\nAuthorization: Basic eDp5\r\nContent-Type: audio/mpeg\r\nice-name: A b\r\nice-public: 0\r\n\r\n',
    lines: [
      ['', 'HTTP/1.0 200 OK\r\n\r\n'],
      ['audio\r\n\0\xff', 'more'],
    ],
  },
  {
    option: 'http-manage-source',
    head: 'SOURCE /live.mp3 HTTP/1.0\r\nHost: radio\r\nContent-Type: audio/mpeg\r\nice-name: A b\r\n\r\n',
    lines: [
      ['', 'HTTP/1.0 200 OK\r\n\r\n'],
      ['audio', '.'],
    ],
  },
  {
    option: 'http-manage-rtsp',
    head: 'DESCRIBE rtsp://cam.example:554/live%20a/ RTSP/1.0\r\nCSeq: 2\r\nAccept: application/sdp\r\n\r\n',
    lines: [
      ['', 'RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 5\r\n\r\nv=0\r\n'],
      ['SETUP rtsp://cam.example:554/live/1 RTSP/1.0\r\nCSeq: 3\r\n\r\n', 'RTSP/1.0 200 OK\r\nCSeq: 3\r\n\r\n$\0\0\x02ab'],
      ['$\x01\0\x02cd', 'RTSP/1.0 200 OK\r\n\r\n'],
    ],
    difference: ONE_PATH,
  },
  {
    option: 'http-raw-body',
    head: 'POST /x HTTP/1.1\r\nHost: a\r\n\r\n',
    lines: [
      ['hello', 'no HTTP'],
      ['again', 'HTTP/1.1 200 OK\r\n\r\n'],
    ],
  },
  {
    option: 'http-raw-body',
    head: 'POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n',
    lines: [['5\r\nhello\r\n0\r\n\r\n', ANSWER]],
  },
  {
    option: 'http-raw-body',
    head: 'POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n',
    lines: [['hello', ANSWER]],
  },
  {
    option: 'http-chunked-input',
    head: 'POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n',
    lines: [['5\r\nhello\r\n0\r\n\r\n', ANSWER]],
  },
  {
    option: 'http-websockets',
    head: 'GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eHl6\r\n\r\n',
    lines: [
      ['', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n'],
      ['\x81\x00', '\x81\x02hi'],
    ],
  },
];

/** Answers each line when all up to it has come. */
function answering(talk: Talk): Script {
  return async (received, reply) => {
    let expected = '';
    for (const [said, answered] of talk.lines) {
      expected += said;
      await waitFor(`${JSON.stringify(said)} of ${talk.option}`, () => received.received >= expected.length);
      await reply.write(answered);
    }
  };
}

/** What comes back for it, and what the node got. */
async function hold(talk: Talk, port: number, backend: UwsgiBackend): Promise<{ back: string; received: RecordedRequest; clientPort: number }> {
  const before = backend.requests.length;
  backend.script = answering(talk);
  await using client = await RawClient.connect({ port });
  const clientPort = client.localPort;
  let back = '';
  client.write(talk.head);
  await backend.request(before);
  for (const [said, answered] of talk.lines) {
    client.write(said);
    // The head of an answer may be written anew.
    back += (await client.readUntil(answered.slice(-2))).toString('latin1');
  }
  client.end();
  back += (await client.readToEnd()).toString('latin1');
  return { back, received: await backend.request(before), clientPort };
}

peerTest('raw conversations go through as through uWSGI’s router', { needs: ['uwsgi'], timeout: 30_000 }, async () => {
  await using backend = await UwsgiBackend.listen(() => {});
  for (const option of new Set(TALKS.map((talk) => talk.option))) {
    await using router = await startUwsgiRouter({ to: backend.address, args: [`--${option}`] });
    await using gate = await startGate({ 'http-to': backend.address, [option]: 'true' });
    for (const talk of TALKS.filter((one) => one.option === option)) {
      const theirs = await hold(talk, router.port, backend);
      const ours = await hold(talk, gate.port, backend);
      const about = `${option}: ${talk.head.split('\r\n', 1)[0]}`;
      assert.equal(ours.received.body.toString('latin1'), theirs.received.body.toString('latin1'), about);
      const { difference = (vars) => vars } = talk;
      const same = set('REMOTE_PORT', String(ours.clientPort))(set('SERVER_PORT', String(gate.port))(theirs.received.list));
      assert.deepEqual(ours.received.list, difference(same), about);
      assert.equal(ours.back, theirs.back, about);
    }
  }
  assert.deepEqual(backend.errors, []);
});
