// OUTPUT0 = INPUT0.

interface Input {
  shape: readonly number[];
  data: unknown;
}

export default function identity() {
  return {
    inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [-1] }],
    outputs: [{ name: 'OUTPUT0', datatype: 'FP32', shape: [-1] }],
    run({ INPUT0 }: { INPUT0: Input }) {
      return { OUTPUT0: { shape: INPUT0.shape, data: INPUT0.data } };
    },
  };
}
