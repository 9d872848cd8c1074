/**
 * The option table: what can be said, once. From it come the readers of the command line and of ini files, `--help`, the types of
 * the values and `docs/options.md` (`src/options/write-reference.ts` writes it anew). The rows are in `rows/`, one file for each
 * subject; options that come later are in `later.ts`.
 */

import { later } from './later.ts';
import type { Option } from './option.ts';
import { APP_SOCKETS } from './rows/app-sockets.ts';
import { APPS } from './rows/apps.ts';
import { BALANCING } from './rows/balancing.ts';
import { BODIES } from './rows/bodies.ts';
import { CONFIGURATION } from './rows/configuration.ts';
import { KEYS } from './rows/keys.ts';
import { LIMITS } from './rows/limits.ts';
import { LISTENING } from './rows/listening.ts';
import { NODES } from './rows/nodes.ts';
import { PID_FILES } from './rows/pid-files.ts';
import { PROCESS } from './rows/process.ts';
import { PROXIES } from './rows/proxies.ts';
import { RELOADING } from './rows/reloading.ts';
import { REQUESTS } from './rows/requests.ts';
import { RESPONSES } from './rows/responses.ts';
import { TIMEOUTS } from './rows/timeouts.ts';
import { WORKERS } from './rows/workers.ts';

/** The options that work. */
export const WORKING = [
  ...LISTENING,
  ...NODES,
  ...BALANCING,
  ...KEYS,
  ...APPS,
  ...APP_SOCKETS,
  ...WORKERS,
  ...RELOADING,
  ...REQUESTS,
  ...PROXIES,
  ...BODIES,
  ...RESPONSES,
  ...TIMEOUTS,
  ...LIMITS,
  ...PROCESS,
  ...PID_FILES,
  ...CONFIGURATION,
] as const satisfies readonly Option[];

/** Every option that ugate knows: those that work, then those that come later. */
export function table(): readonly Option[] {
  return [...WORKING, ...later()];
}

const BY_NAME: ReadonlyMap<string, Option> = byName();

function byName(): Map<string, Option> {
  const map = new Map<string, Option>();
  for (const option of WORKING as readonly Option[]) {
    map.set(option.name, option);
    if (option.aliases !== undefined) for (const alias of option.aliases) map.set(alias, option);
  }
  return map;
}

/** The option of this long name or alias. */
export function findOption(name: string): Option | undefined {
  return BY_NAME.get(name) ?? later().find((option) => namesOf(option).includes(name));
}

/** The option of this letter; a longer name is asked for as well, by who cannot know, and costs nothing. */
export function findShort(letter: string): Option | undefined {
  return letter.length > 1 ? undefined : table().find(({ short }) => short === letter);
}

/** The long names and aliases of all options; hints choose from them. */
export function allNames(): readonly string[] {
  return table().flatMap(namesOf);
}

/** The name and the aliases of an option. */
export function namesOf(option: Option): readonly string[] {
  return option.aliases === undefined ? [option.name] : [option.name, ...option.aliases];
}
