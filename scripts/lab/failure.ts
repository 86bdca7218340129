/** How a check says that a program does not hold to the document. */

/** A program that does not hold to a sentence. */
export class Failure extends Error {
  override name = "Failure";
  /** What is likely wrong with it, if that is known. */
  readonly hint: string | undefined;

  /** Says in one sentence what was expected and what came. */
  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}
