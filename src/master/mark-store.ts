import type { NodeMark } from './messages.ts';

/** Marks of so many nodes are kept for routers that start: host names may lead to ever new addresses. */
const MOST_MARKS = 10_000;

/** The marks that hold, and the plan whose settings made them: with these they end. */
export interface MarkState {
  readonly plan: number;
  readonly marks: readonly NodeMark[];
}

export type MarkChange =
  /** The settings are others from now on. */
  { readonly plan: number; readonly mark: null } | { readonly plan: number; readonly mark: NodeMark };

/** The next state of the topic `marks`. A mark of another plan speaks of nodes and checks that are no more. */
export function foldMarks(state: MarkState, { plan, mark }: MarkChange): MarkState {
  if (mark === null) return plan === state.plan ? state : { plan, marks: [] };
  if (plan !== state.plan) return state;
  const others = state.marks.filter(({ node, cause }) => node !== mark.node || cause !== mark.cause);
  return { plan, marks: isGood(mark) ? others : [...others, mark].slice(-MOST_MARKS) };
}

/** The child's side: passes on what is new of the plan it works by. */
export class MarkStore {
  readonly #learn: (mark: NodeMark) => void;
  #state: MarkState;

  /** @param learn takes what others have seen */
  constructor(plan: number, learn: (mark: NodeMark) => void) {
    this.#state = { plan, marks: [] };
    this.#learn = learn;
  }

  get plan(): number {
    return this.#state.plan;
  }

  /** Settings of another plan are in use: nothing is known of its nodes. */
  begin(plan: number): void {
    this.#state = foldMarks(this.#state, { plan, mark: null });
  }

  /** What holds now: what was known and is not among it does not hold any more. */
  state({ plan, marks }: MarkState): void {
    if (plan !== this.plan) return;
    for (const known of this.#state.marks)
      if (!marks.some(({ node, cause }) => node === known.node && cause === known.cause))
        this.change({ plan, mark: { ...known, mark: known.cause === 'checks' ? 'up' : 'alive' } });
    for (const mark of marks) this.change({ plan, mark });
  }

  change({ plan, mark }: MarkChange): void {
    if (plan !== this.plan || mark === null) return;
    this.noted(mark);
    this.#learn(mark);
  }

  /** This process has seen it by itself. */
  noted(mark: NodeMark): void {
    this.#state = foldMarks(this.#state, { plan: this.plan, mark });
  }
}

function isGood({ mark }: NodeMark): boolean {
  return mark === 'alive' || mark === 'up';
}
