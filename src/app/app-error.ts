/** The app cannot be found or loaded. `message` is for people, in one line; `hint` says what to write instead, or is null. */
export class AppError extends Error {
  override readonly name: string = 'AppError';
  readonly hint: string | null;

  constructor(message: string, hint: string | null = null) {
    super(message);
    this.hint = hint;
  }
}
