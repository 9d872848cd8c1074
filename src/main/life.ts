import type { TopicState } from '../master/topic-hub.ts';
import type { HeldSignals } from '../runtime/held-signals.ts';
import type { ChildProcess, Signal } from '../runtime/seam/processes.ts';
import type { Runtime } from '../runtime/seam.ts';
import { ENDING, type Instance } from './instance.ts';
import type { Pidfiles } from './pidfiles.ts';
import { formatStatus } from './status-text.ts';
import { obeySignals, startTriggers } from './triggers.ts';

/**
 * The same wish again within this time is no second one, in ms: a terminal tells the whole group, and wrappers such as npm and
 * timeout pass on what has reached us already.
 */
const ECHO_MS = 250;
/** How long an ugate that is to take our place may take until it serves, in ms. */
const TAKEOVER_MS = 60_000;

/** What an ugate that takes another's place is told. Its sockets are those the other one bound. */
export interface TakeoverOrder {
  readonly kind: 'takeover';
  /** Of the one whose place is taken: its pidfiles and FIFOs are the new one's. */
  readonly pid: number;
  /** What holds for it too, such as a pause. Changes follow. */
  readonly topics: readonly TopicState[];
}

/** What a life needs beside the instance. */
export interface LifeParts {
  /** Not written yet. */
  readonly pidfiles: Pidfiles;
  /** The ugate whose place this one takes; null when there is none. */
  readonly yields: number | null;
  readonly signals: HeldSignals;
  /** To start the next ugate with. */
  readonly argv: readonly string[];
}

/**
 * The life of an instance that serves: it obeys signals, FIFOs and files, and ends the process when it is told to.
 * @throws {SetupError} when a pidfile or FIFO cannot be made
 */
export async function live(runtime: Runtime, instance: Instance, { pidfiles, yields, signals, argv }: LifeParts): Promise<void> {
  const { master, log } = instance;
  let isStopping = false;
  let stoppingSince = 0;
  let successor: ChildProcess | null = null;
  let isReplaced = false;
  let exitCode = 0;
  let stopTriggers = (): void => {};

  const leave = (code: number): never => {
    stopTriggers();
    instance.close({ keepsFiles: isReplaced });
    pidfiles.remove();
    log.flush();
    runtime.exit(code);
  };
  const stop = (why: string, isBrutal: boolean): void => {
    if (isStopping && !isBrutal && performance.now() - stoppingSince < ECHO_MS) return;
    if (isStopping || isBrutal) {
      log.warn(`${why}${isStopping ? ' again' : ''}: ending at once`);
      master.destroy();
      leave(isStopping ? (ENDING.get(why as Signal) ?? 1) : 0);
    }
    isStopping = true;
    stoppingSince = performance.now();
    // Whoever wants this one to end does not want another in its place.
    if (!isReplaced) successor?.kill('SIGTERM');
    log.info(`${why}: finishing what is in flight`);
    void master.stop({ isReplaced }).then(() => {
      log.info('goodbye');
      leave(exitCode);
    });
  };
  const replace = (): void => {
    if (isStopping || successor !== null) return;
    const started = (child: ChildProcess): void => {
      successor = child;
    };
    void takeOver(runtime, instance, argv, started).then(
      (pid) => {
        if (isStopping) return;
        isReplaced = true;
        stop(`pid ${pid} has taken over`, false);
      },
      (error) => {
        const failed = successor?.pid ?? null;
        successor = null;
        if (isStopping) return;
        // It may have come so far as to write its own number.
        writePidfiles(failed);
        log.event('error', 'replace-failed', `this ugate goes on: ${(error as Error).message}`);
      },
    );
  };
  const writePidfiles = (failed: number | null): void => {
    try {
      pidfiles.write(failed);
    } catch (error) {
      log.error((error as Error).message);
    }
  };
  const tellStatus = async (): Promise<void> => {
    for (const line of formatStatus(await master.status())) log.info(line);
  };
  const wishes = { stop, replace, updatePidfiles: () => writePidfiles(null), tellStatus: () => void tellStatus() };
  try {
    pidfiles.write(yields);
    stopTriggers = await startTriggers(runtime, instance, wishes, yields !== null);
  } catch (error) {
    pidfiles.remove({ always: true });
    master.destroy();
    instance.close();
    throw error;
  }
  instance.onUncaught = () => {
    exitCode = 1;
    if (!isStopping) stop('the app threw what nobody caught', false);
  };
  instance.isLive = true;
  obeySignals(runtime, signals, instance.wishes, master, wishes);
}

/** Starts another ugate on our sockets; resolves with its pid when it serves. @throws {Error} whose message says why it does not */
async function takeOver(runtime: Runtime, instance: Instance, argv: readonly string[], started: (child: ChildProcess) => void): Promise<number> {
  const { log, sockets, topics } = instance;
  if (!instance.config.master) throw new Error('only a master has sockets to hand on: start ugate with --master');
  if (process.pid === 1) throw new Error('this is process 1, and what it runs in would end with it: replace the container instead');
  log.info('another ugate is started to take this one’s place');
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const child = runtime.spawnSelf(argv, {
    sockets,
    cwd: instance.directory.there(),
    message: (process, value) => {
      const report = value as { readonly kind: 'ready' } | { readonly kind: 'heard'; readonly seq: number };
      if (report.kind === 'heard') follower.heard(report.seq);
      else resolve(process.pid);
    },
    exit: (_process, code, signal) => reject(new Error(`the other one ended (${signal ?? `exit code ${code}`})`)),
  });
  const follower = topics.hub.join([topics.pause.name], (message) => child.send(message));
  const timer = setTimeout(() => {
    child.kill('SIGKILL');
    reject(new Error(`the other one did not serve within ${TAKEOVER_MS / 1000} seconds`));
  }, TAKEOVER_MS);
  started(child);
  child.send({ kind: 'takeover', pid: process.pid, topics: follower.states() } satisfies TakeoverOrder);
  follower.listens();
  return promise.finally(() => {
    clearTimeout(timer);
    follower.leave();
  });
}
