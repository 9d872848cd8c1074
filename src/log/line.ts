export type Level = 'error' | 'warn' | 'info' | 'debug';

/** What a line tells beside its message; `undefined` is left out. */
export type Details = Readonly<Record<string, string | number | undefined>>;

const MAX_VALUE_CHARS = 256;

/** `TIME LEVEL message key=value …` and a line end. Nothing in it but that ends a line or steers a terminal. */
export function formatLine(level: Level, message: string, details: Details = {}): string {
  let line = `${new Date().toISOString()} ${level} ${escapeText(message)}`;
  for (const [key, value] of Object.entries(details)) if (value !== undefined) line += ` ${key}=${formatValue(value)}`;
  return `${line}\n`;
}

function formatValue(value: string | number): string {
  if (typeof value === 'number') return String(value);
  const text = escapeText(value.length > MAX_VALUE_CHARS ? `${value.slice(0, MAX_VALUE_CHARS)}…` : value);
  return /^[^\s"=]+$/.test(text) ? text : `"${text.replaceAll('"', '\\"')}"`;
}

/** A text for people, of one line or several, without anything else that steers a terminal: apps and files may have said some of it. */
export function withoutControls(text: string): string {
  return text.replaceAll(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, escapeByte);
}

/** A client can write into the log only what cannot be mistaken for a line of its own, or steer a terminal. */
function escapeText(text: string): string {
  return text.replaceAll(/[\x00-\x1f\x7f-\x9f\\]/g, (char) => (char === '\\' ? '\\\\' : escapeByte(char)));
}

function escapeByte(char: string): string {
  return `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
