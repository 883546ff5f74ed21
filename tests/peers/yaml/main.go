// Reads a JSON array of base64 documents; writes for each what kubectl and kustomize read in it.
package main

import (
	"encoding/json"
	"os"

	v3 "go.yaml.in/yaml/v3"
	sigs "sigs.k8s.io/yaml"
)

type answer struct {
	Sigs  json.RawMessage `json:"sigs"`  // as JSON, or absent where it refuses
	V3    any             `json:"v3"`    // likewise
	Error string          `json:"error"` // of sigs
}

func kustomize(document []byte) (read any) {
	defer func() {
		if recover() != nil {
			read = nil
		}
	}()
	var value any
	if v3.Unmarshal(document, &value) != nil {
		return nil
	}
	if _, err := json.Marshal(value); err != nil {
		return nil
	}
	return []any{value}
}

func main() {
	var documents [][]byte
	if err := json.NewDecoder(os.Stdin).Decode(&documents); err != nil {
		panic(err)
	}
	answers := make([]answer, len(documents))
	for i, document := range documents {
		read, err := sigs.YAMLToJSON(document)
		if err != nil {
			answers[i].Error = err.Error()
		} else {
			answers[i].Sigs = read
		}
		answers[i].V3 = kustomize(document)
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		panic(err)
	}
}
