/** What one row of the option table says. The rows are in `rows/` (options that work) and `later.ts` (options that come later). */

/** The headings of `--help` and of `docs/options.md`, in their order. */
export const GROUPS = [
  'Listening',
  'Nodes',
  'Balancing and health',
  'Nodes by key',
  'Apps',
  'App sockets',
  'Workers and master',
  'Reloading',
  'Requests',
  'Behind a proxy',
  'Bodies',
  'Responses',
  'Timeouts',
  'Limits',
  'Process',
  'Configuration',
  'Accepted for uWSGI',
  'Not available yet',
] as const;

export type Group = (typeof GROUPS)[number];

/** How the text of a value is read; `forms.ts` has one reader for each kind. */
export type Form =
  | { readonly kind: 'flag' }
  /** A decimal number, `min` to `max`. */
  | { readonly kind: 'integer'; readonly min: number; readonly max: number }
  /** Bytes, or with a unit of KiB, MiB or GiB. `zero` says what 0 means where it is outside `min`. */
  | { readonly kind: 'size'; readonly min: number; readonly zero?: 'unlimited' }
  /** Seconds, or with the unit ms, s, m or h. `zero: 'default'`: 0 means the default, as in uWSGI. */
  | { readonly kind: 'duration'; readonly zero?: 'default' }
  /** On, off, or on with an amount of 2 and more (1 is "on", as in uWSGI). */
  | { readonly kind: 'switch'; readonly amount: 'duration' | 'size' }
  | { readonly kind: 'choice'; readonly of: readonly string[] }
  /** Three octal digits of permissions. */
  | { readonly kind: 'mode' }
  /** `KEY=VALUE`. */
  | { readonly kind: 'pair' }
  | { readonly kind: 'listen-address' }
  /** A node with its protocol and options; without a scheme it speaks what `http-backend-http` says. */
  | { readonly kind: 'node' }
  /** `ADDRESS[,PORT]`: listen there, redirect to https. */
  | { readonly kind: 'redirect' }
  /** Networks and addresses behind commas. `any`: the word stands for everyone. */
  | { readonly kind: 'networks'; readonly any?: true }
  /** One IP address. */
  | { readonly kind: 'ip' }
  /** `path=/x,interval=5,…`, or only on or off. */
  | { readonly kind: 'check' }
  /** A path with `%s` for the routing key. */
  | { readonly kind: 'key-pattern' }
  /** `FILE[:FUNCTION]` of a module. */
  | { readonly kind: 'code-string' }
  /** `MODULE[:NAME]` of an app, Python's or a file. */
  | { readonly kind: 'module' }
  /** A number of processes from 1, or `auto`. */
  | { readonly kind: 'process-count'; readonly max: number }
  /** On, off, or a directory. */
  | { readonly kind: 'watch' }
  /** A file or directory; it is not looked for here. */
  | { readonly kind: 'path' }
  | { readonly kind: 'string' };

/** An option of uWSGI whose work comes in a later version of ugate. */
export interface Later {
  /** `ignored`: leaving it out is harmless, one notice says so. `refused`: it would be unsafe or change what is served, so it is an error. */
  readonly effect: 'ignored' | 'refused';
  /** One line for the notice or the error. */
  readonly note: string;
  /** What to do instead of a refused option. */
  readonly instead?: string;
}

export interface Option {
  /** The long name, without `--`; the key in an ini file. */
  readonly name: string;
  readonly aliases?: readonly string[];
  /** One letter, without `-`. */
  readonly short?: string;
  readonly group: Group;
  readonly form: Form;
  /** Giving it again adds to the list; without it the last one wins. */
  readonly repeatable?: true;
  /** The value it has when it is given without one. On the command line such an option takes a value only behind `=`. */
  readonly bare?: string;
  /** A flag that uWSGI's command line wants a value for (`--http-quiet 1`); both ways are taken. */
  readonly spacedFlag?: true;
  /** Its optional value is taken behind a blank too when it looks like `key=…`. */
  readonly spacedPairs?: true;
  /** It is no setting but a wish about this run; not allowed in files. */
  readonly commandLineOnly?: true;
  /** It is about the app. Without one it is an error, or one notice where files of routers carry it too. */
  readonly needsApp?: 'error' | 'notice';
  /** The default as a user would write it. */
  readonly default?: string;
  /** The default in words, where it is no plain value. */
  readonly defaultText?: string;
  /** The value's name in `--help`, where the form's own says too little. */
  readonly argument?: string;
  /** What is counted, where the form does not say it. */
  readonly unit?: string;
  /** One sentence for `--help`. */
  readonly help: string;
  /** More for `docs/options.md`: what it means, what it is for, how uWSGI differs. */
  readonly details?: string;
  /** What can go wrong when it is set. */
  readonly danger?: string;
  /** One or more lines of an ini file. */
  readonly example: string;
  /** The version of ugate that brought it. */
  readonly since: string;
  readonly later?: Later;
  /** ugate always does this: giving it is right, switching it off is not available yet. */
  readonly always?: true;
}

/** The value's name in `--help`, such as `ADDRESS`; empty for flags. */
export function argumentName({ form, argument }: Option): string {
  if (argument !== undefined) return argument;
  switch (form.kind) {
    case 'flag':
      return '';
    case 'integer':
    case 'process-count':
      return 'N';
    case 'size':
      return 'BYTES';
    case 'duration':
      return 'SECONDS';
    case 'switch':
      return form.amount === 'duration' ? 'SECONDS' : 'BYTES';
    case 'choice':
      return 'NAME';
    case 'mode':
      return 'NNN';
    case 'pair':
      return 'KEY=VALUE';
    case 'string':
      return 'VALUE';
    default:
      return 'ADDRESS';
  }
}

/** True when the option may stand without a value: flags and options with an optional value. */
export function standsAlone(option: Option): boolean {
  return option.form.kind === 'flag' || option.bare !== undefined;
}
