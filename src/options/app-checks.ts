/** What is wrong between options of the app and others; what means nothing without an app. */

import { hasApp, impliedBy } from './app-config.ts';
import { ConfigError, formatOrigin } from './errors.ts';
import type { Option } from './option.ts';
import { label, type Setting } from './settings.ts';
import { WORKING } from './table.ts';
import type { OptionName, Values } from './values.ts';

const MAPPERS = ['http-use-cache', 'http-use-pattern', 'http-use-base', 'http-use-code-string'] as const;
/** Variables of the channel between our own processes. */
const RESERVED: readonly string[] = ['NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE', 'NODE_UNIQUE_ID'];

export function checkApp(values: Values): ConfigError[] {
  if (!hasApp(values)) return needingAnApp(values, 'error').map((setting) => failed(setting, 'there is no app', withoutApp(setting.option.name)));
  return [
    ...twoApps(values),
    ...unreachable(values),
    ...nodesWithoutRouter(values),
    ...socketBeyond(values),
    ...nativePython(values),
    ...optionsOfHttpSocket(values),
    ...reservedVariables(values),
  ];
}

/** One line for each option that was taken and does nothing in this company. */
export function noticesOfApp(values: Values): string[] {
  const notices = hasApp(values)
    ? []
    : needingAnApp(values, 'notice').map((setting) => notice(setting, 'without effect: there is no app, so there are no workers'));
  const off = values.all('master').at(-1);
  const implied = impliedBy(values);
  if (off?.value === false && implied !== null)
    notices.push(notice(off.setting, `without effect: ${label(implied.name, implied.origin)} needs a master process`));
  return notices;
}

function notice({ name, origin }: Setting, text: string): string {
  return `${formatOrigin(origin)}: ${label(name, origin)}: ${text}`;
}

/** The last setting of each option that is about the app, unless it is switched off. */
function needingAnApp(values: Values, kind: 'error' | 'notice'): Setting[] {
  const rows: readonly Option[] = WORKING;
  return rows
    .filter(({ needsApp }) => needsApp === kind)
    .flatMap(({ name }) => values.all(name as OptionName).at(-1) ?? [])
    .filter(({ value }) => value !== false)
    .map(({ setting }) => setting);
}

function withoutApp(name: string): string {
  switch (name) {
    case 'http-socket':
    case 'http11-socket':
      return 'for the router write http; for an app add module or wsgi-file';
    case 'socket':
      return 'for the router write http, for a node of it http-to; for an app add module or wsgi-file';
    case 'env':
      return 'for ugate itself set the variable before it starts; for an app add module or wsgi-file';
    case 'chdir':
      return 'for ugate itself start it in that directory; for an app add module or wsgi-file';
    case 'http-use-socket':
      return 'write http-to = ADDRESS for the socket of another server; for an app add module or wsgi-file';
    default:
      return 'add module or wsgi-file, or leave it out';
  }
}

function twoApps(values: Values): ConfigError[] {
  const [first, second] = values
    .inOrder('module', 'wsgi-file')
    .filter((given, index, all) => index === 0 || given.setting.option !== all[0].setting.option);
  if (second === undefined) return [];
  const hint = `${label(first.setting.name, first.setting.origin)} was given here: ${formatOrigin(first.setting.origin)}; keep one of them`;
  return [failed(second.setting, 'there is an app already', hint)];
}

/** In uWSGI too an app gets nothing from `http` once there are nodes or mappers, but nobody says so. */
function unreachable(values: Values): ConfigError[] {
  const app = values.inOrder('module', 'wsgi-file').at(-1)!;
  if (values.inOrder('http-socket', 'http11-socket', 'socket').length > 0) return [];
  if (values.all('http').length === 0) {
    if (values.all('http-to-https').length === 0) return [];
    return [failed(app.setting, 'nothing leads to the app: http-to-https only redirects', 'add http = ADDRESS, or http-socket or socket')];
  }
  if (values.all('http-use-socket').length > 0) return [];
  const other = values.inOrder('http-to', ...MAPPERS)[0];
  if (other === undefined) return [];
  const where = `${label(other.setting.name, other.setting.origin)} (${formatOrigin(other.setting.origin)}) takes its requests`;
  return [failed(app.setting, `nothing leads to the app: ${where}`, 'add http-use-socket, or http-socket or socket, or leave one of them out')];
}

function nodesWithoutRouter(values: Values): ConfigError[] {
  const needless = values.inOrder('http-to', 'http-fallback', ...MAPPERS, 'http-use-socket')[0];
  if (needless === undefined || values.all('http').length > 0 || values.inOrder('http-socket', 'http11-socket', 'socket').length === 0) return [];
  return [
    failed(needless.setting, 'there is no http that would use it', 'add http = ADDRESS, or leave it out: http-socket and socket lead to the app'),
  ];
}

function socketBeyond(values: Values): ConfigError[] {
  const sockets = values.all('socket').length;
  return values
    .all('http-use-socket')
    .filter(({ value }) => value > 0 && value >= sockets)
    .map(({ value, setting }) => failed(setting, `there is no socket ${value}: ${counted(sockets)}`, 'write http-use-socket without a number'));
}

function counted(sockets: number): string {
  if (sockets === 0) return 'none is given';
  return sockets === 1 ? 'one is given, number 0' : `${sockets} are given, 0 to ${sockets - 1}`;
}

function nativePython(values: Values): ConfigError[] {
  const engine = values.all('http-socket-engine').at(-1);
  const app = values.inOrder('module', 'wsgi-file').at(-1)!;
  const isPython = app.setting.option.name === 'wsgi-file' || app.setting.name === 'wsgi' || /\.py(:[^/]*)?$/.test(app.value);
  if (engine?.value !== 'native' || !isPython) return [];
  return [failed(engine.setting, 'a Python app cannot run there', 'leave it out; native is for TypeScript and JavaScript apps')];
}

function optionsOfHttpSocket(values: Values): ConfigError[] {
  if (values.inOrder('http-socket', 'http11-socket').length > 0) return [];
  return (['http-socket-engine', 'http-socket-modifier1', 'http-socket-modifier2'] as const)
    .flatMap((name): readonly { readonly setting: Setting }[] => values.all(name).slice(-1))
    .map(({ setting }) => failed(setting, 'there is no http-socket', 'add http-socket = ADDRESS, or leave it out'));
}

function reservedVariables(values: Values): ConfigError[] {
  return values
    .all('env')
    .filter(({ value: [name] }) => RESERVED.includes(name))
    .map(({ value: [name], setting }) => failed(setting, `${name} is used between the processes of ugate`, 'leave it out'));
}

function failed({ name, origin }: Setting, message: string, hint: string): ConfigError {
  return new ConfigError(origin, `${label(name, origin)}: ${message}`, hint);
}
