import { answer } from './model.mjs';

/** An answer as the AI SDK reads it (its UI message stream). */
export async function* uiMessage({ messages }) {
  const [{ text }] = messages.at(-1).parts;
  yield { type: 'start' };
  yield { type: 'text-start', id: 'text' };
  for await (const delta of answer(text)) yield { type: 'text-delta', id: 'text', delta };
  yield { type: 'text-end', id: 'text' };
  yield { type: 'finish' };
  yield '[DONE]';
}

/** An answer as clients of OpenAI's Responses API read it. */
export async function* openaiResponse({ model, input }, id) {
  let [sequence_number, text] = [0, ''];
  const event = (type, more) => ({ type, sequence_number: sequence_number++, ...more });
  const response = status => ({ response: { id, object: 'response', model, status, output: text ? [message()] : [] } });
  const message = () => ({ type: 'message', id: `${id}-0`, role: 'assistant', content: [{ type: 'output_text', text, annotations: [] }] });
  const part = { item_id: `${id}-0`, output_index: 0, content_index: 0 };
  yield event('response.created', response('in_progress'));
  for await (const delta of answer(input)) {
    text += delta;
    yield event('response.output_text.delta', { ...part, delta });
  }
  yield event('response.output_text.done', { ...part, text });
  yield event('response.completed', response('completed'));
}
