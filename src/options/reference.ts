/** The text of `docs/options.md`: the long form of the table. */

import { formatUsage } from './help.ts';
import { type Form, GROUPS, type Group, type Option } from './option.ts';
import { table } from './table.ts';
import { type Absence, uwsgiAbsences } from './uwsgi-names.ts';

const INTRODUCTION = `# Options

This page is made from the option table (\`src/options/rows/\` and \`later.ts\`) by \`src/options/write-reference.ts\`. Do not edit it.

Options are given on the command line, or in ini files. Both count in the order of appearance: lists add up, of anything else the last one wins.

## On the command line

\`\`\`
ugate --http :8080 --http-to=/tmp/uwsgi.sock --http-keepalive=30 ugate.ini
\`\`\`

- \`--name value\` or \`--name=value\`. Flags (\`--http-quiet\`) and options whose value may be left out (\`--http-keepalive[=SECONDS]\`) take a value only behind \`=\`.
- Names are written in full; ugate does not guess from their beginning. An unknown option is an error with a "did you mean".
- \`FILE.ini\` alone is \`--ini FILE.ini\`. For a section of a file write \`--ini FILE.ini:SECTION\`.

## In ini files

\`\`\`ini
[uwsgi]
; comments are whole lines that begin with ; or #
http = 0.0.0.0:8080
http-to = $(APP_SOCKET)
http-keepalive = 30
\`\`\`

- Only the section \`[uwsgi]\` is read, or the one named with \`ini = FILE:SECTION\`.
- Everything behind the \`=\` is the value, without the blanks around it. Quotes are part of it. There are no comments behind a value.
- An option without \`=\` is given without a value; an empty value is the same.

## Values

- **Flags**: \`true\`, \`on\`, \`yes\` or \`1\`, and \`false\`, \`off\`, \`no\` or \`0\`, in upper or lower case; without a value on.
- **Times**: whole seconds, or a number with \`ms\`, \`s\`, \`m\` or \`h\`: \`60\`, \`500ms\`, \`2m\`. At most 2147483 seconds.
- **Sizes**: bytes, or a number with \`k\`, \`m\` or \`g\` (also \`KiB\`, \`MB\` …), always counted by 1024: \`65536\`, \`64k\`.
- **Numbers**: decimal digits.
- **Addresses**: \`127.0.0.1:3031\`, \`:8080\`, \`[::1]:3031\`, \`localhost:8080\`, \`/run/app.sock\`, \`@abstract\`; to listen also \`fd://3\`. Without a colon it is the path of a unix socket.
- **Networks**: \`10.0.0.0/8\`, \`fd00::/8\` or a single address, several with commas between them; the bits behind the prefix must be 0.
- \`$(NAME)\` in any value is the environment variable NAME; one that is not set is an error.
`;

/** The whole page. Ends with a newline. */
export function formatReference(): string {
  const parts = [INTRODUCTION.trimEnd()];
  const all = table();
  for (const group of GROUPS) {
    const options = all.filter((option) => option.group === group);
    if (options.length === 0) continue;
    parts.push(`## ${group}`);
    if (options.some((option) => option.later !== undefined)) parts.push(...formatLater(group, options));
    else parts.push(...options.map(formatSection));
  }
  parts.push(...uwsgiAbsences().map(formatAbsence));
  return `${parts.join('\n\n')}\n`;
}

function formatSection(option: Option): string {
  const facts = [`- Command line: \`${formatUsage(option)}\`${option.aliases === undefined ? '' : `; also ${namesOf(option.aliases)}`}`];
  facts.push(`- Form: ${formatForm(option)}`);
  facts.push(`- Default: ${formatDefault(option)}`);
  if (option.needsApp !== undefined) facts.push(`- Needs: an app${option.needsApp === 'notice' ? '; without one it has no effect' : ''}`);
  facts.push(`- Since: ${option.since}`);
  const language = option.commandLineOnly ? 'sh' : 'ini';
  const paragraphs = [`### ${option.name}`, option.help];
  if (option.details !== undefined) paragraphs.push(option.details);
  if (option.danger !== undefined) paragraphs.push(`**Mind:** ${option.danger}`);
  paragraphs.push(facts.join('\n'), `\`\`\`${language}\n${option.example}\n\`\`\``);
  return paragraphs.join('\n\n');
}

function namesOf(aliases: readonly string[]): string {
  return aliases.map((alias) => `\`--${alias}\``).join(', ');
}

function formatDefault(option: Option): string {
  if (option.defaultText !== undefined) return option.defaultText;
  if (option.default === undefined) return 'none';
  const unit = option.form.kind === 'duration' ? ' seconds' : '';
  return `\`${option.default}\`${unit}`;
}

function formatForm(option: Option): string {
  const parts = [formText(option.form, option.unit)];
  if (option.bare !== undefined) parts.push('the value may be left out');
  if (option.repeatable) parts.push('repeatable');
  if (option.commandLineOnly) parts.push('only on the command line');
  return parts.join('; ');
}

function formText(form: Form, unit: string | undefined): string {
  const counted = unit === undefined ? '' : ` of ${unit}`;
  switch (form.kind) {
    case 'flag':
      return 'flag';
    case 'integer':
      return `number${counted} from ${form.min} to ${form.max}`;
    case 'size':
      return `size in ${unit ?? 'bytes'}${form.min > 1 ? `, at least ${form.min}` : ''}${form.zero === undefined ? '' : '; 0 is no limit'}`;
    case 'duration':
      return `time in seconds${form.zero === undefined ? '' : '; 0 is the default'}`;
    case 'switch':
      return form.amount === 'duration' ? 'on, off or a time in seconds' : 'on, off or a size in bytes';
    case 'choice':
      return `one of ${form.of.map((one) => `\`${one}\``).join(', ')}`;
    case 'mode':
      return 'three octal digits';
    case 'pair':
      return '`KEY=VALUE`';
    case 'listen-address':
      return 'address to listen on';
    case 'node':
      return 'node: an address with protocol and options';
    case 'redirect':
      return 'address to listen on, and a port';
    case 'networks':
      return `networks, with commas between them${form.any ? '; or `any`' : ''}`;
    case 'ip':
      return 'IP address';
    case 'check':
      return 'on, off or `KEY=VALUE` with commas between them';
    case 'key-pattern':
      return 'path with `%s`';
    case 'code-string':
      return '`FILE` or `FILE:FUNCTION`';
    case 'module':
      return '`MODULE` or `MODULE:NAME`';
    case 'process-count':
      return `number from 1 to ${form.max}, or \`auto\``;
    case 'watch':
      return 'on, off or a path';
    case 'path':
      return 'path';
    case 'string':
      return 'text';
  }
}

function formatAbsence({ reason, hint, names }: Absence): string {
  const introduction =
    reason === null
      ? 'These options of uWSGI are not in the table yet; ugate recognises and refuses them'
      : `These are refused, because ${reason}${hint === null ? '' : ` (${hint})`}`;
  const sorted = [...names].sort().map((name) => `\`${name}\``);
  return `${introduction}: ${sorted.join(', ')}.`;
}

function formatLater(group: Group, options: readonly Option[]): string[] {
  const ignored = group === 'Accepted for uWSGI';
  const introduction = ignored
    ? 'These are taken so that files made for uWSGI work. They have no effect yet; each one that is given is named once when ugate starts.'
    : 'These are errors, since without them ugate would serve something else or serve it less safely. A flag that is off (`false`) is accepted.';
  const rows = options.map((option) => {
    const names = [option.name, ...(option.aliases ?? [])].map((name) => `\`${name}\``);
    if (option.short !== undefined) names.push(`\`-${option.short}\``);
    const note = ignored ? `${option.help} | ${option.later?.note}` : option.help;
    return `| ${names.join(', ')} | ${note} |`;
  });
  const head = ignored ? '| option | what it is in uWSGI | in ugate |\n|---|---|---|' : '| option | what it is in uWSGI |\n|---|---|';
  return [introduction, [head, ...rows].join('\n')];
}
