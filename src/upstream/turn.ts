// A turn: from the bytes of one read until what they caused has left. Lets those who write end with
// it by a plain call, where `process.nextTick` would have Node enter JavaScript once more for each
// read. Owns who is due; knows nothing of what is written.

/** Who has something to do when the turn ends. */
export interface Due {
  turnEnded(): void
}

const due: Due[] = []
let isOpen = false

/** Has it called at the end of the turn: that of the read in hand, else of the event loop's. */
export function whenTurnEnds(who: Due): void {
  if (isOpen) due.push(who)
  else process.nextTick(end, who)
}

/** A read's bytes are handed over from here on. */
export function beginTurn(): void {
  isOpen = true
}

export function endTurn(): void {
  isOpen = false
  for (let who = due.pop(); who; who = due.pop()) who.turnEnded()
}

/** No closure a turn. */
const end = (who: Due): void => who.turnEnded()
