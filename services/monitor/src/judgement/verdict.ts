// What one closed window says about one subject: a feature, "@score", "@quality" or "@software".

export interface SubjectVerdict {
  subject: string;
  alarming: boolean;
  /** The test farthest above (or nearest below) its threshold. */
  detector: string;
  value: number;
  threshold: number;
  /** Corrected for all tests of the window and version; NaN where the detector has none. */
  pValue: number;
  formula: string;
}
