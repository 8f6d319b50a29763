import { setTimeout as delay } from 'node:timers/promises';

/** A language model with a script instead of weights. */
export async function* answer(question) {
  const words = `You asked: ${question} One could say much about it, and I say it slowly, word by word, to whom it may concern.`;
  for (const word of words.match(/\S+\s*/g)) {
    await delay(Number(process.env.WORD_MS ?? 100));
    yield word;
  }
}
