import { nodePath } from '../builtin/modules.ts';
import type { Log } from '../log/log.ts';
import type { MasterCommand } from '../master/commands.ts';
import type { Master } from '../master/master.ts';
import type { AskingSignal, HeldSignals } from '../runtime/held-signals.ts';
import type { Runtime } from '../runtime/seam.ts';
import type { Instance } from './instance.ts';

/** What a process as a whole can be asked for, beyond its master. */
export interface Wishes {
  stop(why: string, isBrutal: boolean): void;
  /** A new ugate takes this one's place. */
  replace(): void;
  updatePidfiles(): void;
  /** Writes to the log how the processes are. */
  tellStatus(): void;
}

/** What makes a master reload and the like, beside signals: FIFOs, touched files, changed sources. Returns how to stop it.
 * @param isHeir this ugate takes the place of another, and its FIFO @throws {SetupError}
 */
export async function startTriggers(
  runtime: Runtime,
  { log, master, config, app, directory, startedAt }: Instance,
  wishes: Wishes,
  isHeir: boolean,
): Promise<() => void> {
  const stops: (() => void)[] = [];
  const absolute = (paths: readonly string[]): string[] => paths.map((path) => nodePath().resolve(directory.path, path));
  if (config.masterFifo.length > 0) {
    const { MasterFifo } = await import('../master/fifo.ts');
    const events = { command: (command: MasterCommand) => obey(command, log, master, wishes), notice: (text: string) => log.info(text) };
    const fifo = await MasterFifo.open(runtime, absolute(config.masterFifo), events, isHeir);
    stops.push(() => fifo.stop());
  }
  const touches = [
    { paths: config.touchReload, kind: 'graceful' },
    { paths: config.touchWorkersReload, kind: 'workers' },
    { paths: config.touchChainReload, kind: 'chain' },
  ] as const;
  for (const { paths, kind } of touches) {
    if (paths.length === 0) continue;
    const { TouchWatch } = await import('../files/touch-watch.ts');
    const watch = new TouchWatch(absolute(paths), startedAt, (files) => {
      log.info(`touched: ${files.join(', ')}`);
      void master.reload(kind);
    });
    stops.push(() => watch.stop());
  }
  if (config.watch !== null) {
    const { SourceWatch } = await import('../files/source-watch.ts');
    const roots = config.watch.length > 0 ? config.watch : [app.kind === 'none' ? '.' : app.directory];
    const watch = new SourceWatch(absolute(roots), {
      changed(files) {
        log.info(`changed: ${files.slice(0, 3).join(', ')}${files.length > 3 ? ` and ${files.length - 3} more` : ''}`);
        void master.reload('workers');
      },
      tooMany: (text) => log.warn(text),
    });
    stops.push(() => watch.stop());
  }
  return () => {
    for (const stop of stops) stop();
  };
}

function obey(command: MasterCommand, log: Log, master: Master, wishes: Wishes): void {
  switch (command.kind) {
    case 'chain-reload':
      return void master.reload('chain');
    case 'reload':
      if (command.scope === 'all') return void master.reload(command.isBrutal ? 'brutal' : 'graceful');
      return void master.reload(command.isBrutal ? 'workers-brutal' : 'workers');
    case 'stop':
      return wishes.stop('the FIFO said so', command.isBrutal);
    case 'pause':
      return master.togglePause();
    case 'status':
      return wishes.tellStatus();
    case 'replace':
      return wishes.replace();
    case 'update-pidfiles':
      return wishes.updatePidfiles();
    case 'unavailable':
      return log.info(command.notice);
  }
}

/**
 * The signals of a master, or of a process that is alone: those of uWSGI where they make sense.
 * @param wanted what it was asked for while it started
 */
export function obeySignals(runtime: Runtime, held: HeldSignals, wanted: ReadonlySet<AskingSignal>, master: Master, wishes: Wishes): void {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) runtime.onSignal(signal, () => wishes.stop(signal, false));
  const obey = (signal: AskingSignal): void => {
    if (signal === 'SIGHUP') void master.reload('graceful');
    else if (signal === 'SIGUSR1') wishes.tellStatus();
    else if (signal === 'SIGUSR2') wishes.replace();
    else master.togglePause();
  };
  held.handle(obey);
  for (const signal of wanted) obey(signal);
}
