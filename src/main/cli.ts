import { AppError } from '../app/app-error.ts';
import { nodeFs } from '../builtin/modules.ts';
import { withoutControls } from '../log/line.ts';
import type { LineSink } from '../log/log.ts';
import type { StartOrder } from '../master/messages.ts';
import { SetupError } from '../master/setup-error.ts';
import type { TopicMessage, TopicState } from '../master/topic-hub.ts';
import { TopicReader, whole } from '../master/topic-reader.ts';
import { makeTopics, type Topics } from '../master/topics.ts';
import { formatAddress } from '../net/address.ts';
import { ConfigError, formatErrors } from '../options/errors.ts';
import { type ReadResult, readConfig } from '../options/read-config.ts';
import { MapperError, type MapperFault } from '../pool/mappers/mapper-error.ts';
import { checkSpoolDirectory, SpoolError } from '../router/body-spool.ts';
import type { HeldSignals } from '../runtime/held-signals.ts';
import { PermissionError } from '../runtime/seam/host.ts';
import type { Parent } from '../runtime/seam/processes.ts';
import { ListenError } from '../runtime/seam/sockets.ts';
import type { Runtime } from '../runtime/seam.ts';
import { selectRuntime } from '../runtime/select.ts';
import { findAppOf } from './found-app.ts';
import { Instance, type Reading } from './instance.ts';
import { live, type TakeoverOrder } from './life.ts';
import { Pidfiles } from './pidfiles.ts';
import { StartDirectory } from './start-directory.ts';
import { SurroundingsError, surroundingsOf } from './surroundings.ts';
import { VERSION } from './version.ts';

/** uWSGI's, for `need-app`. */
const NO_APP = 22;

/**
 * The command line, from arguments to exit. Exit codes: 0 for an orderly end, 1 for a config, an app or a listener that does not
 * work (22 for an app that `need-app` asks for), 130, 131 or 143 when a second signal cuts the drain short.
 */
export async function main(argv: readonly string[], signals: HeldSignals): Promise<void> {
  const runtime = await selectRuntime();
  const { parent } = runtime;
  if (parent === null) return guard(runtime, () => start(runtime, argv, signals, null));
  // Another ugate started this one: as its child, or to take its place. Without a word from it there is nothing to do here.
  parent.onDisconnect(() => runtime.exit(1));
  // The first one says what it is. What comes behind it waits until that is loaded.
  const order = (await parent.next()) as StartOrder | TakeoverOrder;
  if (order.kind === 'takeover') return guard(runtime, () => start(runtime, argv, signals, { parent, pid: order.pid, topics: order.topics }));
  // Only the master decides what comes of them.
  signals.handle(() => {});
  return guard(runtime, async () => (await import('./child.ts')).runChild(runtime, parent, order, sinkOf(runtime)));
}

/** What went wrong ends the process, with a line for people where it is for them. */
async function guard(runtime: Runtime, step: () => Promise<void>): Promise<void> {
  try {
    await step();
  } catch (thrown) {
    const error = runtime.explain(thrown);
    if (error instanceof MapperError) return fail(runtime, formatErrors(error.faults.map(mapperError)));
    if (error instanceof SetupError || error instanceof AppError) return fail(runtime, withHint(error));
    if (error instanceof ListenError || error instanceof PermissionError || error instanceof SpoolError || error instanceof SurroundingsError)
      return fail(runtime, `ugate: ${error.message}`);
    throw error;
  }
}

/** @param predecessor the ugate whose place this one takes; null when there is none */
async function start(runtime: Runtime, argv: readonly string[], signals: HeldSignals, predecessor: Predecessor | null): Promise<void> {
  const result = read(runtime, argv);
  switch (result.kind) {
    case 'help':
      return runtime.print('stdout', result.text);
    case 'version':
      return runtime.print('stdout', `ugate ${VERSION} (${runtime.name} ${runtime.version})`);
    case 'errors':
      return fail(runtime, formatErrors(result.errors));
    case 'signal': {
      const { signalByPidfile } = await import('../master/pidfile-signal.ts');
      const problem = signalByPidfile(runtime, result.pidfile, result.signal);
      return problem === null ? undefined : fail(runtime, `ugate: ${problem}`);
    }
    case 'check':
      return check(runtime, result);
  }
  // Nobody waits for us any more: another one may have taken over.
  predecessor?.parent.onDisconnect(() => runtime.exit(1));
  const inherited = (await predecessor?.parent.sockets()) ?? [];
  const topics = makeTopics();
  if (predecessor !== null) follow(predecessor, topics);
  const options = { sink: sinkOf(runtime), topics, signals, inherited, reread: () => reread(runtime, argv) };
  const yields = predecessor?.pid ?? null;
  const pidfiles = await Pidfiles.of(runtime, result.config, new StartDirectory().path, yields);
  runtime.reapOrphans();
  const instance = await Instance.start(runtime, result, options).catch((error) => {
    if (error instanceof AppError && result.config.needApp) fail(runtime, withHint(error), NO_APP);
    throw error;
  });
  const { log } = instance;
  for (const notice of result.config.notices) log.info(notice);
  // Who reads that it listens may send signals, or write to the FIFO.
  await live(runtime, instance, { pidfiles, yields, signals, argv });
  for (const address of instance.addresses) log.info(`listening on ${formatAddress(address)}`);
  runtime.stderr.flush();
  predecessor?.parent.send({ kind: 'ready' });
  predecessor?.parent.disconnect();
}

/** The ugate whose place this one takes, and what it tells of its state. */
interface Predecessor {
  readonly parent: Parent;
  readonly pid: number;
  readonly topics: readonly TopicState[];
}

/** A pause is kept, and one that begins or ends while this ugate starts is heard of. */
function follow({ parent, topics: states }: Predecessor, topics: Topics): void {
  const reader = new TopicReader({ pause: whole((isPaused) => topics.pause.publish(isPaused as boolean)) });
  reader.start(states);
  parent.onMessage((value) => {
    const message = value as TopicMessage;
    reader.told(message);
    parent.send({ kind: 'heard', seq: message.seq });
  });
}

async function check(runtime: Runtime, { config }: Reading): Promise<void> {
  await (await import('./mapper.ts')).checkMapper(runtime, config);
  await findAppOf(config, surroundingsOf(config));
  if (config.postBufferingDir !== null) checkSpoolDirectory(config.postBufferingDir);
  for (const notice of config.notices) runtime.print('stderr', `ugate: ${notice}`);
  runtime.print('stdout', 'ugate: the configuration is good');
}

function read(runtime: Runtime, argv: readonly string[]): ReadResult {
  return readConfig(argv, {
    env: (name) => process.env[name],
    readFile: (path) => readText(runtime, path),
    columns: () => process.stdout.columns,
  });
}

function reread(runtime: Runtime, argv: readonly string[]): Reading | null {
  const result = read(runtime, argv);
  if (result.kind === 'config') return result;
  if (result.kind === 'errors') runtime.print('stderr', formatErrors(result.errors));
  return null;
}

function mapperError({ file, line, message, hint }: MapperFault): ConfigError {
  return new ConfigError(file === null ? { kind: 'whole' } : { kind: 'file', file, line }, message, hint);
}

function withHint({ message, hint }: SetupError | AppError): string {
  return hint === null ? `ugate: ${message}` : `ugate: ${message}\n  hint: ${hint}`;
}

function readText(runtime: Runtime, path: string): string {
  try {
    return nodeFs().readFileSync(path, 'utf8');
  } catch (error) {
    throw runtime.explain(error);
  }
}

function sinkOf(runtime: Runtime): LineSink {
  return (text) => runtime.stderr.write(text);
}

function fail(runtime: Runtime, text: string, code = 1): never {
  // Not `print`: Deno writes that on a thread, which the end may overtake. The end itself writes what waits.
  runtime.stderr.write(`${withoutControls(text)}\n`);
  runtime.exit(code);
}
