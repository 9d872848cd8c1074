/** One thing wrong with what a mapper was given. */
export interface MapperFault {
  /** Null for the option's own text. */
  readonly file: string | null;
  /** From 1; 0 for the file as a whole. */
  readonly line: number;
  readonly message: string;
  /** What to write instead. */
  readonly hint: string | null;
}

/** A mapper cannot start, or its file cannot be taken as it is now. Holds at least one fault. */
export class MapperError extends Error {
  override readonly name = 'MapperError';
  readonly faults: readonly MapperFault[];

  constructor(faults: readonly MapperFault[]) {
    super(formatFault(faults[0]));
    this.faults = faults;
  }
}

/** `/etc/ugate/hosts:3: …` */
export function formatFault({ file, line, message }: MapperFault): string {
  if (file === null) return message;
  return `${file}${line === 0 ? '' : `:${line}`}: ${message}`;
}
