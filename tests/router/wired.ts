/** A `Router` wired by hand, for what stands between it and `src/main`: its generations, several kinds of listener, workers as nodes. */

import { Log } from '../../src/log/log.ts';
import { type ConnectAddress, parseConnectAddress } from '../../src/net/address.ts';
import { Node, type NodeOptions } from '../../src/pool/node.ts';
import { Pool } from '../../src/pool/pool.ts';
import { BodyBudget } from '../../src/router/body-spool.ts';
import { DateLine } from '../../src/router/date-line.ts';
import { type Front, makeFront } from '../../src/router/front.ts';
import { OutBuffer } from '../../src/router/out-buffer.ts';
import { RequestBuffers } from '../../src/router/request-buffer.ts';
import { Nodes } from '../../src/router/route.ts';
import { Router } from '../../src/router/router.ts';
import type { ProcessParts, Service, ServiceSettings } from '../../src/router/service.ts';
import { NO_SINK } from '../../src/router/transaction.ts';
import type { OpenUpstream } from '../../src/router/upstream.ts';
import type { Runtime } from '../../src/runtime/seam.ts';
import { selectRuntime } from '../../src/runtime/select.ts';
import { TimerWheel } from '../../src/time/timer-wheel.ts';
import { TurnClock } from '../../src/time/turn-clock.ts';
import { HttpUpstreams, WORKER_SETTINGS } from '../../src/upstream/http.ts';
import { UwsgiUpstreams } from '../../src/upstream/uwsgi.ts';
import { makeVarsTemplate } from '../../src/uwsgi/request-vars.ts';
import { DEFAULTS } from '../support/defaults.ts';
import { RawClient, type Target } from '../support/raw-client.ts';
import { waitFor } from '../support/wait.ts';

export type Given = Partial<Omit<Service, 'settings' | keyof ProcessParts>> & { readonly settings?: Partial<ServiceSettings> };

/** A node of this kind at an address as `http-to` has it, without a scheme. */
export function nodeAt(kind: 'uwsgi' | 'worker', address: string, options: NodeOptions = {}): Node {
  return new Node({ kind, address: parseConnectAddress(address) }, address, options);
}

export class Wired implements AsyncDisposable {
  readonly router: Router;
  readonly parts: ProcessParts;
  readonly #runtime: Runtime;
  readonly #logs: string[];
  readonly #open: OpenUpstream;
  readonly #stop: () => void;

  private constructor(runtime: Runtime, nodes: readonly Node[], given: Given, maxConnections: number) {
    this.#runtime = runtime;
    const logs: string[] = [];
    this.#logs = logs;
    const log = new Log((text) => logs.push(...text.trimEnd().split('\n')));
    const failed = (error: unknown): void => log.event('error', 'internal', String(error));
    const wheel = new TimerWheel(() => runtime.now(), failed);
    this.parts = {
      log,
      failed,
      wheel,
      clock: new TurnClock(runtime),
      out: new OutBuffer(),
      dates: new DateLine(),
      requestBuffers: new RequestBuffers(),
      bodyBudget: new BodyBudget(1e8),
    };
    const template = (front: Front) =>
      makeVarsTemplate({
        serverName: 'gate.example',
        serverPort: front.port,
        vars: [],
        serverNameAsHttpHost: false,
        allowUnderscores: false,
        lenientPath: false,
        chunkedInput: false,
        isSocket: front.kind === 'http-socket' || front.kind === 'http11-socket',
      });
    const uwsgi = new UwsgiUpstreams(runtime, wheel, { template, modifier1: 0, modifier2: 0 }, failed);
    const workers = new HttpUpstreams(runtime, wheel, WORKER_SETTINGS, failed);
    this.#stop = () => workers.stop();
    this.#open = (node, exchange) => {
      const { kind, address } = node.target as { kind: string; address: ConnectAddress };
      return (kind === 'worker' ? workers : uwsgi).open(node, address, exchange);
    };
    this.router = new Router(this.generation(nodes, given), maxConnections);
  }

  static async start(nodes: readonly Node[], given: Given = {}, maxConnections = 1000): Promise<Wired> {
    return new Wired(await selectRuntime(), nodes, given, maxConnections);
  }

  get logs(): readonly string[] {
    this.parts.log.flush();
    return this.#logs;
  }

  logged(pattern: RegExp): Promise<string> {
    return waitFor(`${pattern} in the log`, () => this.logs.find((line) => pattern.test(line)));
  }

  generation(nodes: readonly Node[], { settings, ...given }: Given = {}): Service {
    return {
      ...this.parts,
      settings: { ...DEFAULTS, tempDirectory: null, ...settings },
      route: new Nodes(new Pool([{ nodes }], 1000)),
      appRoute: new Nodes(new Pool([{ nodes }], 1000)),
      transactions: NO_SINK,
      open: this.#open,
      needsLength: nodes.some(({ target }) => target.kind === 'uwsgi'),
      gzip: null,
      prelude: null,
      trustedProxies: null,
      ...given,
    };
  }

  /** Opens a listener on a port of its own, or on the unix socket `path`. */
  async listen(front: Partial<Front> = {}, path?: string): Promise<Target> {
    const where = path === undefined ? ({ kind: 'tcp', host: '127.0.0.1', port: 0 } as const) : ({ kind: 'unix', path, abstract: false } as const);
    const made = makeFront(0, front);
    const { address } = await this.router.listen(this.#runtime, where, made);
    if (address.kind !== 'tcp') return { path: path ?? '' };
    made.port = String(address.port);
    return { port: address.port };
  }

  async connect(front: Partial<Front> = {}): Promise<RawClient> {
    return await RawClient.connect(await this.listen(front));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.router.destroy();
    this.#stop();
    this.parts.log.flush();
  }
}
