// What mail clients do not know of each file: JSON {file: {feature: [clients]}} of the errors. Run: node support.mjs FILE..
import { readFileSync } from 'node:fs';
import { doIUseEmail } from '@jsx-email/doiuse-email';

const found = {};
for (const file of process.argv.slice(2)) {
  const { errors = [] } = doIUseEmail(readFileSync(file, 'utf8'), { emailClients: ['*'] });
  const features = (found[file] = {});
  for (const message of errors) {
    const [feature, client] = [...message.matchAll(/`([^`]+)`/g)].map((part) => part[1]);
    const clients = (features[feature] ??= []);
    if (!clients.includes(client)) clients.push(client);
  }
}
console.log(JSON.stringify(found));
