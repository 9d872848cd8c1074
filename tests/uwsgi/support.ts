/** Requests as the packets that ugate makes of them. */

import assert from 'node:assert/strict';
import type { RequestHead } from '../../src/http1/request-head.ts';
import { MAX_PACKET_BYTES, readPacket, writePacketHeader } from '../../src/uwsgi/packet.ts';
import { makeVarsTemplate, type TemplateSettings, writeRequestVars } from '../../src/uwsgi/request-vars.ts';
import { requestHead } from '../http1/support.ts';

export type Vars = readonly (readonly [key: string, value: string])[];

export interface Settings extends Partial<TemplateSettings> {
  readonly remote?: { readonly address: string; readonly port: number };
  /** Of a chunked body that has been read whole. */
  readonly bodyLength?: number;
  /** What happens to the head on its way. */
  readonly edit?: (head: RequestHead) => void;
}

export const DEFAULTS: TemplateSettings = {
  serverName: 'gate.example',
  serverPort: '8080',
  vars: [],
  serverNameAsHttpHost: false,
  allowUnderscores: false,
  lenientPath: false,
  chunkedInput: false,
};

const REMOTE = { address: '192.0.2.7', port: 40_001 };

/** The packet of a request, or the code of what kept it from being made. */
export function makePacket(request: string, { remote = REMOTE, bodyLength = -1, edit, ...settings }: Settings = {}): Uint8Array | string {
  const template = makeVarsTemplate({ ...DEFAULTS, ...settings });
  // Behind the room that is asked for stands what must stay.
  const memory = new Uint8Array(MAX_PACKET_BYTES + 100).fill(0x21);
  const head = requestHead(request);
  edit?.(head);
  const end = writeRequestVars(memory.subarray(0, MAX_PACKET_BYTES), head, template, remote, bodyLength);
  assert.ok(memory.subarray(MAX_PACKET_BYTES).every((byte) => byte === 0x21));
  if (typeof end !== 'number') return end.code;
  assert.ok(end <= MAX_PACKET_BYTES, `${end} bytes`);
  writePacketHeader(memory, end, 0, 0);
  return memory.slice(0, end);
}

/** The vars of a request, which must fit. */
export function makeVars(request: string, settings: Settings = {}): Vars {
  const packet = makePacket(request, settings);
  assert.ok(typeof packet !== 'string', `refused: ${packet}`);
  const read = readPacket(packet);
  assert.ok(read !== null && read.end === packet.length);
  return read.vars;
}

/** Only those that come from fields: what stands between REMOTE_PORT and the vars of the config. */
export function fieldVars(request: string, settings: Settings = {}): Vars {
  const vars = makeVars(request, settings);
  return vars.slice(vars.findIndex(([key]) => key === 'REMOTE_PORT') + 1);
}
