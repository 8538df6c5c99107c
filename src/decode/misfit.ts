// What a decoder has instead of a value: why a field has no place in its column.

export class Misfit {
  readonly why: string

  constructor(why: string) {
    this.why = why
  }
}
