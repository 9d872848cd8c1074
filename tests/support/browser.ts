/** Headless Chromium, driven by the few words of the DevTools protocol that a test needs, and what its network did. */

import { temporaryFolder } from './paths.ts';
import { type StartedProcess, startProcess } from './process.ts';
import { waitFor, within } from './wait.ts';

/** Debian's start as root; without the last five it tries to reach the world. */
const FLAGS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--remote-debugging-port=0'],
  ...['--disable-quic', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-default-apps'],
];
const COMMAND_MS = 10_000;
const PAGE_MS = 20_000;

/** One request of a page, as the browser's network stack saw it. */
export interface PageRequest {
  readonly url: string;
  status: number;
  /** What came over the wire: 304 where `status` is the 200 of what the cache had. */
  wireStatus: number;
  /** As the browser says it: `http/1.1`. */
  protocol: string;
  /** Names the connection that carried it; 0 when there was none. */
  connection: number;
  /** Header values of the answer, by lower-case name. */
  headers: Readonly<Record<string, string>>;
  /** Why it failed; null when it did not. */
  failure: string | null;
  done: boolean;
}

type Params = Record<string, unknown>;

/** The answer to a command, or, without an id, an event. */
interface Message {
  readonly id?: number;
  readonly result?: Params;
  readonly error?: { readonly message: string };
  readonly method: string;
  readonly params: Params;
  readonly sessionId: string;
}

type Listener = (method: string, params: Params) => void;

export class Browser {
  readonly #process: StartedProcess;
  readonly #folder: AsyncDisposable;
  readonly #socket: WebSocket;
  readonly #answers = new Map<number, (message: Message) => void>();
  readonly #listeners = new Map<string, Listener>();
  #last = 0;

  private constructor(process: StartedProcess, folder: AsyncDisposable, socket: WebSocket) {
    this.#process = process;
    this.#folder = folder;
    this.#socket = socket;
    socket.onmessage = (event) => {
      const message = JSON.parse(String(event.data)) as Message;
      if (message.id === undefined) this.#listeners.get(message.sessionId)?.(message.method, message.params);
      else this.#answers.get(message.id)?.(message);
    };
  }

  static async start(): Promise<Browser> {
    const folder = temporaryFolder();
    const started = startProcess(['chromium', ...FLAGS, `--user-data-dir=${folder.path}`, 'about:blank'], {
      // It keeps nothing outside its folder and looks for no desktop.
      env: { HOME: folder.path, DISPLAY: undefined, DBUS_SESSION_BUS_ADDRESS: undefined },
      lifetime: 120_000,
    });
    try {
      const [, url = ''] = await started.said(/DevTools listening on (ws:\S+)/, 20_000);
      const socket = new WebSocket(url);
      const open = new Promise((resolve, reject) => {
        socket.onopen = resolve;
        socket.onerror = () => reject(new Error(`no DevTools at ${url}`));
      });
      await within(COMMAND_MS, 'the DevTools', open);
      return new Browser(started, folder, socket);
    } catch (error) {
      await started.stop('SIGKILL');
      await folder[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** A new tab. */
  async page(): Promise<Page> {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const session = String(sessionId);
    const page = new Page((method, params) => this.send(method, params, session));
    this.#listeners.set(session, (method, params) => page.told(method, params));
    for (const domain of ['Network', 'Page', 'Runtime', 'Log']) await this.send(`${domain}.enable`, {}, session);
    return page;
  }

  async send(method: string, params: Params = {}, sessionId?: string): Promise<Params> {
    this.#last += 1;
    const id = this.#last;
    const answer = new Promise<Params>((resolve, reject) => {
      this.#answers.set(id, ({ result, error }) => (error === undefined ? resolve(result ?? {}) : reject(new Error(`${method}: ${error.message}`))));
    });
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    try {
      return await within(COMMAND_MS, method, answer);
    } finally {
      this.#answers.delete(id);
    }
  }

  async stop(): Promise<void> {
    // Told so, it ends its helpers too; by its pid if it does not listen.
    await this.send('Browser.close').catch(() => {});
    this.#socket.close();
    await within(3000, 'Chromium to end', this.#process.exited).catch(() => this.#process.stop('SIGKILL'));
    await this.#folder[Symbol.asyncDispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

export class Page {
  readonly requests: PageRequest[] = [];
  /** Exceptions of scripts, and what the browser warned of. */
  readonly complaints: string[] = [];
  readonly #send: (method: string, params?: Params) => Promise<Params>;
  readonly #byId = new Map<string, PageRequest>();
  /** Told by another process of the browser: it may come before the request itself. */
  readonly #wire = new Map<string, number>();
  #loads = 0;

  constructor(send: (method: string, params?: Params) => Promise<Params>) {
    this.#send = send;
  }

  /** Goes to `url` and waits until everything on the page is there. */
  async open(url: string): Promise<void> {
    await this.#whileLoading(async () => {
      const { errorText } = await this.#send('Page.navigate', { url });
      if (errorText !== undefined) throw new Error(`${url}: ${String(errorText)}`);
    });
  }

  /** Runs a script that leads to another page, such as the sending of a form, and waits until that is there. */
  async follow(expression: string): Promise<void> {
    await this.#whileLoading(() => this.evaluate(expression));
  }

  /** The value of an expression on the page, which must fit into JSON. */
  async evaluate<Value>(expression: string): Promise<Value> {
    const { result, exceptionDetails } = await this.#send('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
    if (exceptionDetails !== undefined) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    return (result as { value: Value }).value;
  }

  /** Called with every event of the page's session. */
  told(method: string, params: Params): void {
    if (method === 'Page.loadEventFired') this.#loads += 1;
    if (method === 'Runtime.exceptionThrown') this.complaints.push(JSON.stringify(params.exceptionDetails));
    if (method === 'Log.entryAdded') {
      const entry = params.entry as { level: string };
      if (entry.level === 'error' || entry.level === 'warning') this.complaints.push(JSON.stringify(entry));
    }
    if (method.startsWith('Network.')) this.#network(method.slice('Network.'.length), params);
  }

  #network(event: string, params: Params): void {
    const id = String(params.requestId);
    if (event === 'requestWillBeSent') {
      // After a redirect the same id goes on; the answer that led here comes with it.
      if (params.redirectResponse !== undefined) this.#answered(id, params.redirectResponse as Answered, true);
      const { url } = params.request as { url: string };
      // What is in the page itself needs no network; for its icon the browser asks when it likes, and drops that at the next page.
      if (!/^https?:/.test(url) || url.endsWith('/favicon.ico')) return;
      const request: PageRequest = {
        url,
        status: 0,
        wireStatus: this.#wire.get(id) ?? 0,
        protocol: '',
        connection: 0,
        headers: {},
        failure: null,
        done: false,
      };
      this.#byId.set(id, request);
      this.requests.push(request);
    }
    if (event === 'responseReceived') this.#answered(id, params.response as Answered, false);
    if (event === 'responseReceivedExtraInfo') this.#wire.set(id, Number(params.statusCode));
    const request = this.#byId.get(id);
    if (request === undefined) return;
    request.wireStatus = this.#wire.get(id) ?? 0;
    if (event === 'loadingFailed') request.failure = String(params.errorText);
    if (event === 'loadingFinished' || event === 'loadingFailed') request.done = true;
  }

  #answered(id: string, response: Answered, done: boolean): void {
    const request = this.#byId.get(id);
    if (request === undefined) return;
    request.status = response.status;
    request.protocol = response.protocol ?? '';
    request.connection = response.connectionId;
    request.headers = Object.fromEntries(Object.entries(response.headers).map(([name, value]) => [name.toLowerCase(), value]));
    if (done) request.done = true;
  }

  async #whileLoading(go: () => Promise<unknown>): Promise<void> {
    const loads = this.#loads;
    await go();
    await waitFor('the page to load', () => this.#loads > loads, PAGE_MS);
    const waiting = (): string[] => this.requests.filter((request) => !request.done).map((request) => request.url);
    await waitFor('the last of the page', () => waiting().length === 0, PAGE_MS).catch((error) => {
      throw new Error(`${String(error)}: still waiting for ${waiting().join(' ')}`);
    });
  }
}

interface Answered {
  readonly status: number;
  readonly protocol?: string;
  readonly connectionId: number;
  readonly headers: Readonly<Record<string, string>>;
}
