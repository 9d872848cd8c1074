/** What a node of the corpus saw of a request, and what it says back. */

/** A request as it arrived, its fields and line named as CGI names them, whatever the protocol. */
export interface Recorded {
  readonly vars: ReadonlyMap<string, string>;
  /** Without its framing, so far. */
  readonly body: Buffer;
  /** Its length, which is cheaper to ask for while it grows. */
  readonly received: number;
  /** Nothing more can come of it. */
  readonly isOver: boolean;
  /** Of an HTTP node: its connection closed before it was complete. */
  readonly isBroken?: boolean;
  /** Breaches that the protocol itself does not show. */
  readonly faults: readonly string[];
}

/** Told of each request when its head is there. */
export type Note = (client: string, request: Recorded) => void;

export interface RecordingNode {
  /** As `http-to` wants it. */
  readonly address: string;
  /** Breaches of the protocol. */
  readonly errors: readonly string[];
  stop(): Promise<void>;
}

/** What a node says back, so that an answer is seen to belong to its request. */
export function echo({ vars, received }: Recorded): string {
  return `${vars.get('REQUEST_METHOD')} ${(vars.get('REQUEST_URI') ?? '').slice(0, 200)} ${received}`;
}

/** The answer with that. */
export function echoAnswer(request: Recorded): string {
  const text = echo(request);
  const body = request.vars.get('REQUEST_METHOD') === 'HEAD' ? '' : text;
  return `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${text.length}\r\n\r\n${body}`;
}

/** For messages. */
export function describe({ vars, body }: Recorded): string {
  return `${vars.get('REQUEST_METHOD')} ${vars.get('REQUEST_URI')?.slice(0, 100)} + ${body.toString('latin1').slice(0, 100)}`;
}
