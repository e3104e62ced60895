{{ config(materialized='view') }}
select count() as readings from {{ ref('by_table') }}
