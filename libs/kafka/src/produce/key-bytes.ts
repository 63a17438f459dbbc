// The bytes of one message's key at a time, in a buffer that serves for all.

const INITIAL_BYTES = 1_024;

export class KeyBytes {
  bytes = Buffer.allocUnsafe(INITIAL_BYTES);
  length = 0;

  take(key: string | Uint8Array): void {
    const bound = typeof key === 'string' ? key.length * 3 : key.length;
    if (bound > this.bytes.length) this.bytes = Buffer.allocUnsafe(bound);
    if (typeof key !== 'string') {
      this.bytes.set(key);
      this.length = key.length;
      return;
    }
    const { bytes } = this;
    for (let i = 0; i < key.length; i++) {
      const code = key.charCodeAt(i);
      if (code > 127) {
        this.length = bytes.write(key);
        return;
      }
      bytes[i] = code;
    }
    this.length = key.length;
  }
}
