// The shortest project file that says all it must; specs add to it.

export const LOANS = `name: loans
data:
  entity: customer
  eventTime: at
  columns:
    - { name: at, type: timestamp, required: true }
    - { name: customer, type: text, required: true }
    - { name: income, type: number }
    - { name: repaid, type: boolean, outcome: true }
  label: { name: good, column: repaid }
features:
  - { name: income, kind: numeric }
`;
