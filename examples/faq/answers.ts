export interface Topic {
  readonly id: string;
  /** On a button: at most 20 characters. */
  readonly title: string;
  /** Words that people use when they ask about it. */
  readonly asked: RegExp;
  readonly answer: string;
}

/** At most three, as they become the buttons of one message. */
export const TOPICS: readonly Topic[] = [
  {
    id: 'hours',
    title: 'Opening hours',
    asked: /\b(open|close[ds]?|hours?)\b/i,
    answer: 'We are open Monday to Saturday, 9:00 to 18:00.',
  },
  {
    id: 'delivery',
    title: 'Delivery',
    asked: /\b(deliver\w*|ship\w*|postage)\b/i,
    answer: 'We deliver in the whole city within two days. Above 30 € it is free.',
  },
  {
    id: 'returns',
    title: 'Returns',
    asked: /\b(returns?|refunds?|money back)\b/i,
    answer: 'Bring it back within 30 days, and you get your money back.',
  },
];
