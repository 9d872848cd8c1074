/** From settings as they stand on the command line to all settings: values expanded, ini files read in at their ref. */

import { nodePath } from '../builtin/modules.ts';
import { ConfigError, type Origin } from './errors.ts';
import { type IniLine, readIni, splitSection } from './ini.ts';
import { type Environment, expandPlaceholders, refuseLaterPlaceholders } from './placeholders.ts';
import { type Entry, label, lookUp, type Setting } from './settings.ts';
import { ValueError } from './value-error.ts';

/** What the options ask of the world; both are called only when a setting needs them. */
export interface Sources {
  /** One environment variable; asked only for `$(NAME)`. */
  readonly env: Environment;
  /** The text of a file; throws when it cannot be read. Relative paths count from the working directory. */
  readonly readFile: (path: string) => string;
}

/** A section of a file that is being read; the chain of them shows circles. */
interface SectionRef {
  readonly file: string;
  readonly section: string;
}

/** All settings in the order of appearance; the lines of an ini file stand where its `ini` stood. */
export function collect(given: readonly Entry[], sources: Sources): Entry[] {
  const entries: Entry[] = [];
  for (const entry of given) take(entry, []);
  return entries;

  function take(entry: Entry, within: readonly SectionRef[]): void {
    const expanded = entry instanceof ConfigError ? entry : expand(entry);
    if (!(expanded instanceof ConfigError) && expanded.option.name === 'ini') include(expanded, within);
    else entries.push(expanded);
  }

  function expand(setting: Setting): Entry {
    // An option that is refused anyway need not make Deno ask for the environment.
    if (setting.text === null || setting.option.later?.effect === 'refused') return setting;
    try {
      if (setting.option.later === undefined || setting.option.form.kind !== 'string') refuseLaterPlaceholders(setting.text, setting.option.form);
      return { ...setting, text: expandPlaceholders(setting.text, sources.env) };
    } catch (error) {
      if (error instanceof ValueError) return failed(setting, error.message, error.hint);
      throw error;
    }
  }

  function include(setting: Setting, within: readonly SectionRef[]): void {
    const ref = sectionOf(setting.text ?? '', within);
    if (ref.file === '') {
      const hint = setting.text?.startsWith(':') ? 'only inside a file can :section mean the same file' : 'write ini = FILE or ini = FILE:SECTION';
      entries.push(failed(setting, 'no file is named', hint));
      return;
    }
    if (within.some(({ file, section }) => nodePath().normalize(file) === nodePath().normalize(ref.file) && section === ref.section)) {
      const chain = [...within, ref].map(({ file, section }) => `${file}:${section}`).join(' → ');
      entries.push(failed(setting, `the file is being read already (${chain})`, 'take one of these lines out'));
      return;
    }
    let content: string;
    try {
      content = sources.readFile(ref.file);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      entries.push(failed(setting, `cannot read "${ref.file}": ${reason}`, 'relative paths count from the working directory'));
      return;
    }
    readSection(content, ref, [...within, ref]);
  }

  function readSection(content: string, { file, section }: SectionRef, within: readonly SectionRef[]): void {
    const ini = readIni(content, section, file);
    if (ini.sectionLine === null && !ini.lines.some((line) => line instanceof ConfigError)) {
      const hint =
        ini.sections.length === 0 ? `write [${section}] on its first line` : `it has ${ini.sections.map((name) => `[${name}]`).join(', ')}`;
      entries.push(new ConfigError({ kind: 'file', file, line: 0 }, `has no section [${section}]`, hint));
    }
    for (const line of ini.lines) take(line instanceof ConfigError ? line : settingOf(line, file), within);
  }
}

function settingOf({ key, text, line }: IniLine, file: string): Entry {
  const origin: Origin = { kind: 'file', file, line };
  const option = lookUp(key, origin);
  if (option instanceof ConfigError) return option;
  if (option.commandLineOnly) return new ConfigError(origin, `${key} belongs on the command line`, `write ugate --${key}`);
  // In a file, "given without a value" may also be an empty value or, where the value is optional, true.
  const alone = text === '' || (option.bare !== undefined && text?.toLowerCase() === 'true');
  return { option, name: key, text: alone ? null : text, origin };
}

function sectionOf(text: string, within: readonly SectionRef[]): SectionRef {
  const { file, section } = splitSection(text);
  return { file: file === '' && text.startsWith(':') ? (within.at(-1)?.file ?? '') : file, section };
}

function failed(setting: Setting, message: string, hint: string | null): ConfigError {
  return new ConfigError(setting.origin, `${label(setting.name, setting.origin)}: ${message}`, hint);
}
