import { foldMarks, type MarkChange, type MarkState } from './mark-store.ts';
import type { WorkerNode } from './messages.ts';
import { type Topic, TopicHub } from './topic-hub.ts';

/** What the processes of one ugate must know alike. */
export interface Topics {
  readonly hub: TopicHub;
  /** Requests are answered 503 until it is over. */
  readonly pause: Topic<boolean>;
  /** Where the app's workers are. */
  readonly workers: Topic<readonly WorkerNode[]>;
  /** What one router has seen of a node. */
  readonly marks: Topic<MarkState, MarkChange>;
}

export function makeTopics(): Topics {
  const hub = new TopicHub();
  return {
    hub,
    pause: hub.topic('pause', false),
    workers: hub.topic<readonly WorkerNode[]>('workers', []),
    marks: hub.topic('marks', { plan: 0, marks: [] }, foldMarks),
  };
}

/** What a router follows, and what a worker does. */
export const ROUTER_TOPICS: readonly string[] = ['pause', 'workers', 'marks'];
export const WORKER_TOPICS: readonly string[] = ['pause'];
