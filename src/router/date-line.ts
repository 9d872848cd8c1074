/** The `Date` line of this second (RFC 9110 6.6.1), its bytes made once a second. */
export class DateLine {
  #second = -1;
  #bytes = new Uint8Array(0);

  line(): Uint8Array {
    const now = Date.now();
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#bytes = new TextEncoder().encode(`Date: ${new Date(now).toUTCString()}\r\n`);
    }
    return this.#bytes;
  }
}
