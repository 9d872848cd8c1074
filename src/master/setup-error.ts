/** The master cannot have what it needs. `message` says what and why, `hint` what to do about it, or is null. */
export class SetupError extends Error {
  override readonly name = 'SetupError';
  readonly hint: string | null;

  constructor(message: string, hint: string | null = null) {
    super(message);
    this.hint = hint;
  }
}

/** The system's code of a failed call, such as `ENOENT`, or what there is in its place. */
export function codeOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return code ?? message ?? String(error);
}
