/**
 * The life of a slot in the tree: one router's, or one worker's. Processes come and go in it; at any time one of them has it, and at most
 * one more loads to take over. A pure table of states and events: who obeys its effects (`slot.ts`) decides nothing by itself.
 *
 * | phase        | `current`       | `next` | what ends it                                                             |
 * | ------------ | --------------- | ------ | ------------------------------------------------------------------------ |
 * | `empty`      | –               | –      | start → `starting`                                                       |
 * | `starting`   | loads           | –      | ready → `serving`; gone → `ended`: whoever starts the tree decides       |
 * | `serving`    | serves          | –      | gone → `respawning` or `resting`; wish or spent → `replacing`            |
 * | `replacing`  | serves          | loads  | ready → `serving`; next gone → `serving` or `retrying`; current gone → `respawning` with the next one |
 * | `retrying`   | serves, spent   | –      | timer or wish → `replacing`; gone → `respawning` or `resting`            |
 * | `respawning` | loads           | –      | ready → `serving`; gone → `resting`                                      |
 * | `resting`    | –               | –      | timer or wish → `respawning`                                             |
 * | `ended`      | –               | –      | nothing                                                                  |
 *
 * A wish is for a process that is started after it was made, because what loads meanwhile may have read older code. It is granted when such
 * a process has the slot, refused when that one cannot get ready, and waits while another one loads.
 */

export type SlotPhase = 'empty' | 'starting' | 'serving' | 'replacing' | 'retrying' | 'respawning' | 'resting' | 'ended';

export interface SlotState {
  readonly phase: SlotPhase;
  /** Number of the process that has the slot. */
  readonly current: number | null;
  /** Number of the process that loads to take over. */
  readonly next: number | null;
  /** How many processes there have been. */
  readonly spawn: number;
  /** `current` has done its part (`max-requests`): a replacement that fails is tried again. */
  readonly isSpent: boolean;
  /** It died too often to be sent requests before it is ready. */
  readonly isShaky: boolean;
  /** The process that loads grants wishes. */
  readonly isGranting: boolean;
  /** Wishes wait until that one is ready or gone. */
  readonly isWaiting: boolean;
}

export type SlotEvent =
  | { readonly kind: 'start' }
  | { readonly kind: 'ready'; readonly spawn: number }
  /** It ended, could not get ready, or took too long for it. `wait`: ms until another one may be started. */
  | { readonly kind: 'gone'; readonly spawn: number; readonly wait: number }
  | { readonly kind: 'spent'; readonly spawn: number }
  | { readonly kind: 'wish' }
  | { readonly kind: 'timer' }
  | { readonly kind: 'end' };

export type SlotEffect =
  | { readonly do: 'spawn'; readonly spawn: number }
  /** It is of no use any more, if it lives at all. */
  | { readonly do: 'kill'; readonly spawn: number }
  /** `from` leaves when nothing more comes to it. */
  | { readonly do: 'hand-over'; readonly from: number; readonly to: number }
  | { readonly do: 'set-timer'; readonly ms: number }
  | { readonly do: 'clear-timer' }
  /** The wishes that waited are those that are granted next. */
  | { readonly do: 'promote' }
  | { readonly do: 'grant' }
  | { readonly do: 'refuse' }
  /** All that wait too. */
  | { readonly do: 'refuse-all' };

/** Another attempt to replace a worker that is spent comes so much later, in ms. */
const RETRY_MS = 1_000;

export const EMPTY: SlotState = {
  phase: 'empty',
  current: null,
  next: null,
  spawn: 0,
  isSpent: false,
  isShaky: false,
  isGranting: false,
  isWaiting: false,
};

export interface SlotStep {
  readonly state: SlotState;
  readonly effects: readonly SlotEffect[];
}

/** What an event makes of a slot. What it does not expect changes nothing. */
export function step(state: SlotState, event: SlotEvent): SlotStep {
  if (state.phase === 'ended') return event.kind === 'wish' ? { state, effects: [{ do: 'promote' }, { do: 'refuse' }] } : same(state);
  switch (event.kind) {
    case 'start':
      return state.phase === 'empty' ? load(state, 'starting', true) : same(state);
    case 'ready':
      return ready(state, event.spawn);
    case 'gone':
      return then([{ do: 'kill', spawn: event.spawn }], gone(state, event.spawn, event.wait));
    case 'spent':
      return spent(state, event.spawn);
    case 'wish':
      return wish(state);
    case 'timer':
      if (state.phase === 'resting') return load(state, 'respawning', state.isWaiting);
      return state.phase === 'retrying' ? load(state, 'replacing', state.isWaiting) : same(state);
    case 'end':
      return { state: { ...state, phase: 'ended', isGranting: false, isWaiting: false }, effects: [{ do: 'clear-timer' }, { do: 'refuse-all' }] };
  }
}

function ready(state: SlotState, spawn: number): SlotStep {
  const { phase, current } = state;
  const isFirst = (phase === 'starting' || phase === 'respawning') && spawn === current;
  if (!isFirst && !(phase === 'replacing' && spawn === state.next)) return same(state);
  const effects: SlotEffect[] = isFirst ? [] : [{ do: 'hand-over', from: current!, to: spawn }];
  if (state.isGranting) effects.push({ do: 'grant' });
  return then(effects, goOn({ ...state, phase: 'serving', current: spawn, next: null, isSpent: false, isShaky: false, isGranting: false }));
}

function gone(state: SlotState, spawn: number, wait: number): SlotStep {
  const refused: SlotEffect[] = state.isGranting ? [{ do: 'refuse' }] : [];
  if (state.phase === 'replacing' && spawn === state.next) {
    const left = { ...state, next: null, isGranting: false };
    if (state.isWaiting || !state.isSpent) return then(refused, goOn({ ...left, phase: 'serving' }));
    return then([...refused, { do: 'set-timer', ms: Math.max(wait, RETRY_MS) }], same({ ...left, phase: 'retrying' }));
  }
  if (spawn !== state.current) return same(state);
  switch (state.phase) {
    case 'starting':
      return then([...refused, { do: 'refuse-all' }], same({ ...state, phase: 'ended', current: null, isGranting: false, isWaiting: false }));
    case 'replacing':
      // Whoever was to take over has the slot already.
      return same({ ...state, phase: 'respawning', current: state.next, next: null, isSpent: false });
    case 'serving':
    case 'retrying':
    case 'respawning': {
      const left = { ...state, current: null, isSpent: false, isGranting: false };
      const before: SlotEffect[] = [...refused, { do: 'clear-timer' }];
      if (state.isWaiting || wait === 0) return then(before, load(left, 'respawning', state.isWaiting));
      return then([...before, { do: 'set-timer', ms: wait }], same({ ...left, phase: 'resting', isShaky: true }));
    }
    default:
      return same(state);
  }
}

function spent(state: SlotState, spawn: number): SlotStep {
  if (spawn !== state.current) return same(state);
  if (state.phase === 'serving') return load({ ...state, isSpent: true }, 'replacing', false);
  return state.phase === 'replacing' ? same({ ...state, isSpent: true }) : same(state);
}

function wish(state: SlotState): SlotStep {
  switch (state.phase) {
    case 'serving':
      return load(state, 'replacing', true);
    case 'retrying':
      return then([{ do: 'clear-timer' }], load(state, 'replacing', true));
    case 'resting':
      return then([{ do: 'clear-timer' }], load(state, 'respawning', true));
    default:
      return same({ ...state, isWaiting: true });
  }
}

/** It serves: a wish that waited has its turn. */
function goOn(state: SlotState): SlotStep {
  return state.isWaiting ? load(state, 'replacing', true) : same(state);
}

/** @param isWished whether the process that is started grants wishes */
function load(state: SlotState, phase: 'starting' | 'replacing' | 'respawning', isWished: boolean): SlotStep {
  const spawn = state.spawn + 1;
  const role = phase === 'replacing' ? { next: spawn } : { current: spawn };
  const effects: SlotEffect[] = isWished ? [{ do: 'promote' }] : [];
  const wishes = isWished ? { isGranting: true, isWaiting: false } : {};
  return { state: { ...state, ...wishes, ...role, phase, spawn }, effects: [...effects, { do: 'spawn', spawn }] };
}

function same(state: SlotState): SlotStep {
  return { state, effects: [] };
}

function then(effects: readonly SlotEffect[], { state, effects: more }: SlotStep): SlotStep {
  return { state, effects: [...effects, ...more] };
}
