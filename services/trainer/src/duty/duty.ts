// Whether this process is the trainer at work or stands by for it. One of a group works, at any time; the change is one
// way: who was replaced ends, and begins anew as one that stands by.

import { PlatformError } from '@millrace/domain';

export class Duty {
  private state: 'unknown' | 'standby' | 'beginning' | 'active' = 'unknown';

  private hasStoodBy = false;

  /**
   * The group has said which of the two it is, and it is ready for it. One that has stood by stays ready while it takes
   * over: callers that come too early are told to ask again, as before.
   */
  get isKnown(): boolean {
    return this.state === 'standby' || this.state === 'active' || (this.state === 'beginning' && this.hasStoodBy);
  }

  /** What its predecessor left is taken up, or was. */
  get isChosen(): boolean {
    return this.state === 'beginning' || this.state === 'active';
  }

  get isActive(): boolean {
    return this.state === 'active';
  }

  standBy(): void {
    this.state = 'standby';
    this.hasStoodBy = true;
  }

  chosen(): void {
    this.state = 'beginning';
  }

  begin(): void {
    this.state = 'active';
  }

  /** Another one is chosen; false where that was known. */
  replaced(): boolean {
    const isNews = this.isChosen;
    this.state = 'unknown';
    return isNews;
  }

  /** For callers. @throws PlatformError that says where to ask; nothing was done */
  require(): void {
    if (!this.isActive) throw this.refusal();
  }

  /** For its own work, which begins before callers are heard. */
  requireChosen(): void {
    if (!this.isChosen) throw this.refusal();
  }

  private refusal(): PlatformError {
    const why = this.state === 'standby' ? 'stands by for the one that is at work: ask that one' : 'has not begun yet';
    return new PlatformError('unavailable', `this trainer ${why}`, { facts: { standby: true } });
  }
}
