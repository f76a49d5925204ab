// The npm OpenAI SDK, unmodified, against a running gateway. Environment: BASE_URL, API_KEY, TASK; prints one JSON line.
import OpenAI from 'openai';

const task = process.env.TASK;
const client = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: process.env.API_KEY, maxRetries: 0 });
const messages = [{ role: 'user', content: process.env.NOTE }];
const seen = {};

const names = [];
for await (const model of client.models.list()) names.push(model.id);
seen.models = names;

const { data, response } = await client.chat.completions
  .create({ model: task, messages, user: 'dr.lee', metadata: { patient: 'P-1' } })
  .withResponse();
seen.content = data.choices[0].message.content;
seen.usage = data.usage;
seen.route = [response.headers.get('appliance-route'), data.appliance.route];

const stream = await client.chat.completions.create({
  model: task, messages, stream: true, stream_options: { include_usage: true },
});
seen.streamed = '';
for await (const chunk of stream) {
  seen.streamed += chunk.choices[0]?.delta?.content ?? '';
  if (chunk.usage) seen.streamUsage = chunk.usage;
}

const final = await client.chat.completions.stream({ model: task, messages }).finalChatCompletion();
seen.helper = final.choices[0].finish_reason;

seen.errors = [];
for (const options of [{ model: 'gpt-4o' }, { n: 3 }, { temperature: 9 }]) {
  try {
    await client.chat.completions.create({ model: task, messages, ...options });
  } catch (error) {
    seen.errors.push([error.constructor.name, error.code]);
  }
}
console.log(JSON.stringify(seen));
