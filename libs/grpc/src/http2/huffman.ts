// The Huffman code of HPACK (RFC 7541, appendix B), for decoding only. The code is canonical: shorter codes come first,
// equal lengths in the order of their symbols, so that the lengths alone say all of it.

/** Length of the code of each symbol 0-256 in bits, as one digit in base 36; 256 is end of string. */
const LENGTHS = [
  'dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6ca',
  'd67777777777777777777777878djde6f56565666577666567655677777fbeds',
  'kmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmn',
  'qqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrq',
  'u',
].join('');
const END_OF_STRING = 256;
const LENGTH_MAX = 30;

/** Two entries a node: the next node for bit 0 and 1, or ~symbol. */
const tree = new Int16Array(1024);

function buildTree(): void {
  let nodes = 1;
  let code = 0;
  for (let length = 1; length <= LENGTH_MAX; length++, code <<= 1) {
    for (let symbol = 0; symbol < LENGTHS.length; symbol++) {
      if (Number.parseInt(LENGTHS[symbol] as string, 36) !== length) continue;
      let node = 0;
      for (let bit = length - 1; bit > 0; bit--) {
        const at = node * 2 + ((code >> bit) & 1);
        if (tree[at] === 0) tree[at] = nodes++;
        node = tree[at] as number;
      }
      tree[node * 2 + (code & 1)] = ~symbol;
      code++;
    }
  }
}

buildTree();

/** Five bits a character: what the largest header block (connection.ts) can expand to. */
const CHARACTERS_MAX = 65_536;
const scratch = Buffer.allocUnsafeSlow(CHARACTERS_MAX);

/** The text of [start, end), or undefined where the bytes are no such code, or longer than CHARACTERS_MAX. */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number): string | undefined {
  let length = 0;
  let node = 0;
  let bits = 0;
  let onlyOnes = true;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    for (let shift = 7; shift >= 0; shift--) {
      const bit = (byte >> shift) & 1;
      const next = tree[node * 2 + bit] as number;
      if (next >= 0) {
        node = next;
        bits++;
        if (bit === 0) onlyOnes = false;
        continue;
      }
      if (~next === END_OF_STRING || length === scratch.length) return undefined;
      scratch[length++] = ~next;
      node = 0;
      bits = 0;
      onlyOnes = true;
    }
  }
  // What is left is padding: the beginning of end-of-string, less than a byte.
  return bits < 8 && onlyOnes ? scratch.toString('latin1', 0, length) : undefined;
}
