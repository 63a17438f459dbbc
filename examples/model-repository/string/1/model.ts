// OUTPUT0 = INPUT0 + INPUT1 and OUTPUT1 = INPUT0 - INPUT1, all as texts of whole numbers of any length.

interface Texts {
  name: string;
  shape: readonly number[];
  data: readonly string[];
}

function integers({ name, data }: Texts): bigint[] {
  return data.map((text, i) => {
    if (/^-?\d{1,1000}$/.test(text)) return BigInt(text);
    const error = new Error(`input '${name}' element ${i} is '${text.slice(0, 32)}', expected a whole number`);
    // The caller's fault, not the model's.
    throw Object.assign(error, { code: 'invalid_argument' });
  });
}

export default function sumsOfTexts() {
  const texts = (name: string) => ({ name, datatype: 'BYTES', shape: [-1] });
  return {
    inputs: [texts('INPUT0'), texts('INPUT1')],
    outputs: [texts('OUTPUT0'), texts('OUTPUT1')],
    run({ INPUT0, INPUT1 }: { INPUT0: Texts; INPUT1: Texts }) {
      const left = integers(INPUT0);
      const right = integers(INPUT1);
      const combined = (combine: (a: bigint, b: bigint) => bigint) => ({
        shape: INPUT0.shape,
        data: left.map((value, i) => String(combine(value, right[i] as bigint))),
      });
      return { OUTPUT0: combined((a, b) => a + b), OUTPUT1: combined((a, b) => a - b) };
    },
  };
}
