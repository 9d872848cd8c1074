/** What is wrong with the text of one value. */

import { AddressError } from '../net/address.ts';

/** A value that cannot be read; `message` says what is wrong with it and `hint` what to write. The caller knows the option and the place. */
export class ValueError extends Error {
  override readonly name = 'ValueError';
  readonly hint: string | null;

  constructor(message: string, hint: string | null = null) {
    super(message);
    this.hint = hint;
  }
}

/** A value in a message: in double quotes, or in single ones when it has double ones of its own. */
export function quote(text: string): string {
  return text.includes('"') ? `'${text}'` : `"${text}"`;
}

/**
 * What `read` makes of a value.
 * @throws {ValueError} with what an AddressError said
 */
export function addressed<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof AddressError) throw new ValueError(error.message);
    throw error;
  }
}
