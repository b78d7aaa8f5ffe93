/** What an item of an output says, as it is built up. */
export type OutputItem = MessageItem | ReasoningItem | CallItem;

export interface ContentPart {
  type: 'output_text' | 'refusal';
  text: string;
}

interface MessageItem {
  type: 'message';
  id: string;
  content: ContentPart[];
}

export interface ReasoningItem {
  type: 'reasoning';
  id: string;
  text: string;
  signature?: string;
}

export interface CallItem {
  type: 'function_call';
  id: string;
  callId: string;
  name: string;
  arguments: string;
}

export type ItemStatus = 'in_progress' | 'completed' | 'incomplete';

export const viewPart = ({ type, text }: ContentPart): object =>
  type === 'refusal' ? { type, refusal: text } : { type, text, annotations: [], logprobs: [] };

export const viewSummary = (text: string): object => ({ type: 'summary_text', text });

/** An item as it stands in a response. */
export function viewItem(item: OutputItem, status: ItemStatus): object {
  const { type, id } = item;
  switch (item.type) {
    case 'message':
      return { id, type, status, role: 'assistant', content: item.content.map(viewPart) };
    case 'reasoning':
      return {
        id,
        type,
        summary: item.text === '' ? [] : [viewSummary(item.text)],
        ...(item.signature === undefined ? {} : { encrypted_content: item.signature }),
      };
    case 'function_call':
      return { id, type, status, call_id: item.callId, name: item.name, arguments: item.arguments };
  }
}
