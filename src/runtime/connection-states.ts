/** How far a connection is. `gone`: its socket is, and at most the end is still to be told. */
export const LIFE = { connecting: 0, open: 1, gone: 2 } as const;

/** Our side of it. `ended`: FIN goes behind what is queued, or has gone. `closing`: so does the whole connection. */
export const SENDING = { flows: 0, ended: 1, closing: 2 } as const;
