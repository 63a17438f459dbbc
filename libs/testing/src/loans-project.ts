// A project file with everything that a stream of rows and labels needs, for tests to which its columns do not matter.

export const LOANS_PROJECT = `name: loans
data:
  entity: customer
  eventTime: at
  columns:
    - { name: at, type: timestamp, required: true }
    - { name: customer, type: text, required: true }
    - { name: amount, type: number }
    - { name: bad, type: boolean, outcome: true }
  label: { name: bad, column: bad, operation: eq, value: true, delay: 1d }
features: [{ name: amount, kind: numeric }]
`;
