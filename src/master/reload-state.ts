/**
 * The life of a reload, as a pure table of states and events: who obeys its effects (`master.ts`) decides nothing by itself. One reload runs
 * at a time. What is asked for meanwhile waits, the wider of two wishes in place of both, and begins when this one is over, however it ended.
 *
 * | phase        | what is done                                     | what ends it                                           |
 * | ------------ | ------------------------------------------------ | ------------------------------------------------------ |
 * | `idle`       |                                                  | asked → `reading`, `loading` or `chaining`             |
 * | `reading`    | the config is read again                         | done → `loading`; failed → over                        |
 * | `loading`    | new workers start                                | done → `preparing`; failed → over, they are ended      |
 * | `preparing`  | every router builds what it is to use            | done → `committing`; failed → over, routers let go of it, new workers are ended |
 * | `committing` | every router turns to it, which cannot fail      | over, the old workers leave                            |
 * | `chaining`   | one worker after the other is replaced           | done or failed → over                                  |
 * | `ended`      | ugate ends                                       | nothing                                                |
 *
 * Over means: the next wish that waits begins, or `idle`.
 */

/** `graceful`: config and workers. `brutal`: the same, and the old workers are killed. `workers`, `workers-brutal`: they alone. `chain`: one after the other. */
export type ReloadKind = 'graceful' | 'brutal' | 'workers' | 'workers-brutal' | 'chain';

/** The later ones do what those before them do, and more. */
const REACH: readonly ReloadKind[] = ['chain', 'workers', 'workers-brutal', 'graceful', 'brutal'];

export type ReloadPhase = 'idle' | 'reading' | 'loading' | 'preparing' | 'committing' | 'chaining' | 'ended';

export interface ReloadState {
  readonly phase: ReloadPhase;
  /** Of the one under way. */
  readonly kind: ReloadKind | null;
  /** What waits. */
  readonly next: ReloadKind | null;
}

export type ReloadEvent =
  /** `canChain`: the workers can be replaced one by one. */
  | { readonly kind: 'asked'; readonly reload: ReloadKind; readonly canChain: boolean }
  /** The phase's work is done. */
  | { readonly kind: 'done'; readonly canChain: boolean }
  | { readonly kind: 'failed'; readonly canChain: boolean }
  | { readonly kind: 'end' };

export type ReloadEffect =
  | { readonly do: 'begin'; readonly reload: ReloadKind }
  | { readonly do: 'read' }
  | { readonly do: 'load' }
  | { readonly do: 'prepare' }
  | { readonly do: 'commit' }
  | { readonly do: 'chain' }
  /** Routers let go of what they prepared. */
  | { readonly do: 'abandon' }
  /** The new workers are of no use. */
  | { readonly do: 'discard' }
  /** The old workers have done their part. */
  | { readonly do: 'leave'; readonly isBrutal: boolean }
  /** Another wish waits: what takes long is given up. */
  | { readonly do: 'hurry' }
  | { readonly do: 'succeed'; readonly reload: ReloadKind }
  | { readonly do: 'fail'; readonly reload: ReloadKind }
  /** Nothing is asked for any more. */
  | { readonly do: 'rest' };

export const IDLE: ReloadState = { phase: 'idle', kind: null, next: null };

export interface ReloadStep {
  readonly state: ReloadState;
  readonly effects: readonly ReloadEffect[];
}

/** What an event makes of the reload under way. What it does not expect changes nothing. */
export function stepReload(state: ReloadState, event: ReloadEvent): ReloadStep {
  const { phase, kind } = state;
  if (phase === 'ended') return { state, effects: [] };
  switch (event.kind) {
    case 'asked':
      if (phase === 'idle') return begin(event.reload, event.canChain);
      return { state: { ...state, next: wider(state.next, event.reload) }, effects: [{ do: 'hurry' }] };
    case 'done':
      switch (phase) {
        case 'reading':
          return go(state, 'loading', { do: 'load' });
        case 'loading':
          return go(state, 'preparing', { do: 'prepare' });
        case 'preparing':
          return go(state, 'committing', { do: 'commit' });
        case 'committing':
          return over(state, event.canChain, [
            { do: 'leave', isBrutal: kind === 'brutal' || kind === 'workers-brutal' },
            { do: 'succeed', reload: kind! },
          ]);
        case 'chaining':
          return over(state, event.canChain, [{ do: 'succeed', reload: kind! }]);
        default:
          return { state, effects: [] };
      }
    case 'failed':
      // What was done cannot be undone, and need not be.
      if (phase === 'committing') return stepReload(state, { ...event, kind: 'done' });
      return phase === 'idle' ? { state, effects: [] } : over(state, event.canChain, [...undo(phase), { do: 'fail', reload: kind! }]);
    case 'end':
      return {
        state: { phase: 'ended', kind: null, next: null },
        effects: [...(phase === 'committing' ? [{ do: 'leave', isBrutal: false } as const] : undo(phase)), { do: 'rest' }],
      };
  }
}

function begin(reload: ReloadKind, canChain: boolean): ReloadStep {
  const first = (phase: ReloadPhase, effect: ReloadEffect): ReloadStep => ({
    state: { phase, kind: reload, next: null },
    effects: [{ do: 'begin', reload }, effect],
  });
  if (reload === 'graceful' || reload === 'brutal') return first('reading', { do: 'read' });
  return reload === 'chain' && canChain ? first('chaining', { do: 'chain' }) : first('loading', { do: 'load' });
}

function go(state: ReloadState, phase: ReloadPhase, effect: ReloadEffect): ReloadStep {
  // Who was asked to hurry before this phase began is asked again.
  return { state: { ...state, phase }, effects: state.next === null ? [effect] : [effect, { do: 'hurry' }] };
}

function over({ next }: ReloadState, canChain: boolean, effects: readonly ReloadEffect[]): ReloadStep {
  if (next === null) return { state: IDLE, effects: [...effects, { do: 'rest' }] };
  const step = begin(next, canChain);
  return { state: step.state, effects: [...effects, ...step.effects] };
}

function undo(phase: ReloadPhase): readonly ReloadEffect[] {
  if (phase === 'loading') return [{ do: 'discard' }];
  return phase === 'preparing' ? [{ do: 'abandon' }, { do: 'discard' }] : [];
}

function wider(a: ReloadKind | null, b: ReloadKind): ReloadKind {
  return a !== null && REACH.indexOf(a) > REACH.indexOf(b) ? a : b;
}
