// Which encoding the bytes of a text file are in. A mark at the beginning says it; otherwise the bytes are UTF-8, or,
// where they are not, Windows-1252, of which Latin-1 is a part. A file that holds more letters beyond ASCII that are
// right UTF-8 than bytes that are not is UTF-8 with damage.
//
// Cost: the bytes are decoded once. Memory: counts.

export const TEXT_ENCODINGS = ['utf-8', 'latin1', 'windows-1252', 'utf-16le', 'utf-16be'] as const;
export type TextEncoding = (typeof TEXT_ENCODINGS)[number];

const REPLACEMENT = /\uFFFD/g;
const BEYOND_ASCII = /[\u0080-\uFFFC\uFFFE\uFFFF]/g;
const matches = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0;

export class EncodingEvidence {
  private readonly strict = new TextDecoder('utf-8', { fatal: true });
  private readonly lenient = new TextDecoder('utf-8');
  private mark: TextEncoding | null = null;
  private begun = false;
  private good = 0;
  private bad = 0;
  private valid = true;

  /** The file's bytes in order, in pieces of at least two. */
  take(bytes: Uint8Array): void {
    if (!this.begun) this.mark = markOf(bytes);
    this.begun = true;
    if (this.mark !== null) return;
    if (this.valid) {
      try {
        const text = this.strict.decode(bytes, { stream: true });
        if (text.length !== bytes.length) this.good += matches(text, BEYOND_ASCII);
        return;
      } catch {
        // From here on the lenient decoder counts what is right and what is not.
        this.valid = false;
      }
    }
    const text = this.lenient.decode(bytes, { stream: true });
    this.good += matches(text, BEYOND_ASCII);
    this.bad += matches(text, REPLACEMENT);
  }

  /** After the last piece. `damaged`: it is UTF-8, but some bytes are not. */
  end(): { encoding: TextEncoding; damaged: boolean } {
    if (this.mark !== null) return { encoding: this.mark, damaged: false };
    if (this.valid && this.isWhole()) return { encoding: 'utf-8', damaged: false };
    return this.good >= this.bad && this.good > 0
      ? { encoding: 'utf-8', damaged: true }
      : { encoding: 'windows-1252', damaged: false };
  }

  /** Whether the last character is all there. */
  private isWhole(): boolean {
    try {
      this.strict.decode();
      return true;
    } catch {
      this.bad += 1;
      return false;
    }
  }
}

function markOf([first, second]: Uint8Array): TextEncoding | null {
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  return first === 0xfe && second === 0xff ? 'utf-16be' : null;
}
